#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: java_keystore_deployment
short_description: Deploy certificates in Java keystores as transactions
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Puts a certificate and its key into a PKCS#12 or JKS keystore of a managed server, has the server reload it, and proves by
    new TLS connections that it is served. If it is not, the keystore from before is put back, byte for byte, and proven.
  - It is M(certops.clm.server_deployment) with the layouts V(pkcs12) and V(jks), in the words of a keystore. A manifest names the
    layout instead, and M(certops.clm.server_deployment) has everything that this module has.
  - The alias and the password that the keystore has are kept, unless others are given.
  - The keystore is replaced as a whole and atomically. One that holds other entries than this one is refused before any write.
  - The key is handed over through a pipe by the action plugin, as in M(certops.clm.server_deployment). On the server it goes
    through pipes too. Neither it nor a password is ever in a command line, an argument of a module, or a file of Ansible.
  - Needs on the server Python 3.9 on Linux, and for V(pkcs12) the C(openssl) command. It needs no Java and no C(keytool).
options:
  state:
    description:
      - V(present) deploys the version of each keystore.
      - V(restored) puts the previous keystore back, and V(committed) ends the transaction.
    type: str
    choices: [present, restored, committed]
    default: present
  keystores:
    description: The keystores on this server. A wrong one fails alone.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: A name for it, in lower case.
        type: str
        required: true
      path:
        description: The keystore.
        type: path
        required: true
      format:
        description:
          - V(pkcs12) is read by every Java of these days.
          - V(jks) is for older ones, and protects its key weakly.
          - A keystore of the other format is replaced by one of this.
        type: str
        choices: [pkcs12, jks]
        default: pkcs12
      alias:
        description: The alias of the entry. Without it the one that is there is kept, and a new keystore has V(server).
        type: str
      password_file:
        description:
          - A file on the server whose first line is the password of the keystore and of its key, at least 6 characters.
          - It must not be readable for everybody.
        type: path
        required: true
      former_password_file:
        description: A file on the server with the password that the keystore still has, where it is to be changed.
        type: path
      owner:
        description: Its owner. Without it the present one is kept.
        type: str
      group:
        description: Its group. Without it the present one is kept.
        type: str
      mode:
        description: Its mode, never readable for everybody. Without it the present one is kept, and a new one has V(0600).
        type: str
      check:
        description: The server's own validation as a list of words.
        type: list
        elements: str
      reload:
        description:
          - Exactly one of C(systemd) (a unit), C(command) (a list of words), and C(signal) with C(pid_file).
          - Tomcat reloads by C(sslReload) of its manager, as the example has it.
        type: dict
        required: true
      endpoints:
        description: At least one dictionary of C(host), C(port), C(server_name), C(starttls) and C(addresses), as the server reaches them.
        type: list
        elements: dict
        required: true
      version:
        description: A dictionary of C(sha256), C(spki_sha256) and C(chain_pem), with C(lineage) and C(version) of the secret store.
        type: dict
      key_origin:
        description: V(host) for a key that was made on this server.
        type: str
        choices: [store, host]
        default: store
      dead:
        description: SHA-256s that are never put back.
        type: list
        elements: str
        default: []
      slot:
        description: V(rsa) or V(ecdsa) where the server has both side by side.
        type: str
        choices: [default, rsa, ecdsa]
        default: default
      allow_no_rollback:
        description: Deploy also where there is no way back.
        type: bool
        default: false
  secret_store:
    description: As in M(certops.clm.server_deployment).
    type: dict
  state_dir:
    description: As in M(certops.clm.server_deployment).
    type: path
    default: /var/lib/certops-clm
  proof:
    description: As in M(certops.clm.server_deployment).
    type: dict
    default: {}
  retain:
    description: As in M(certops.clm.server_deployment).
    type: int
    default: 604800
  command_timeout:
    description: As in M(certops.clm.server_deployment).
    type: float
    default: 60.0
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.server_deployment
"""

EXAMPLES = r"""
- name: Deploy to a Tomcat, which reads its keystores again when its manager is asked to
  certops.clm.java_keystore_deployment:
    secret_store:
      type: directory
      path: /srv/clm/store
    keystores:
      - id: shop-tomcat
        path: /etc/tomcat10/shop.p12
        password_file: /etc/tomcat10/shop.password
        reload:
          command: [curl, --fail, --silent, --netrc-file, /etc/tomcat10/manager.netrc, "http://127.0.0.1:8080/manager/text/sslReload"]
        endpoints:
          - {host: 127.0.0.1, port: 8443, server_name: shop.example.com}
        version: "{{ shop_version }}"
  become: true

- name: Give an old keystore another alias and another password; the server's own configuration names the new ones already
  certops.clm.java_keystore_deployment:
    secret_store:
      type: directory
      path: /srv/clm/store
    keystores:
      - id: billing
        path: /opt/billing/keystore.jks
        format: jks
        alias: billing-2026
        password_file: /opt/billing/keystore.password
        former_password_file: /opt/billing/keystore.password.former
        reload: {command: [systemctl, restart, billing]}
        endpoints:
          - {host: 127.0.0.1, port: 9443}
        version: "{{ billing_version }}"
  become: true
"""

RETURN = r"""
outcomes:
  description: What came of each keystore, by its id, as M(certops.clm.server_deployment) says it.
  returned: always
  type: dict
recovered:
  description: A sentence for each place that an earlier, killed run had left half swapped and that is whole again.
  returned: when there was one
  type: list
  elements: str
"""
