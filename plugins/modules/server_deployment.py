#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_deployment
short_description: Deploy certificates on a managed server as transactions
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Puts certificates and their keys into the files of a server program, has the program validate and reload them, and proves by
    new TLS connections that the new certificate is served on every address. If it is not, what was there before is put back
    and proven.
  - All deployments of a server belong into one task, for there is one validation and one reload for each server program, and
    one outcome for each deployment.
  - A reload that says ok proves nothing. The proof has three answers. Served, then the outcome is V(done). Not served, then
    the previous certificate is put back, and the outcome is V(rolled_back). Could not look (a time-out, no route, no such
    name), then the outcome is V(unproven), and nothing is put back.
  - A server that answered before the change and refuses connections after it does not serve the certificate.
  - A previous certificate that is expired or listed as dead is never put back.
  - The same leaf with another chain, or with other modes and owners, shows nothing new in a connection. There a reload that
    fails ends in V(rolled_back) or V(failed), and the next run tells the server again.
  - What is needed for the way back is durable in O(state_dir) before the first file is touched. A run that was killed is
    finished or undone by the next one, each deployment by itself.
  - Keys of the secret store are handed over through a pipe by the action plugin of the same name, and only to servers that
    do not have them yet. A key that the secret store cannot give fails its own deployment only. A connection plugin that
    cannot pipe (without pipelining support) is refused; O(deployments) with C(key_origin=host) work over every connection.
  - Needs nothing on the server but Python 3.9, and for O(state=requested) its C(openssl) command.
options:
  state:
    description:
      - V(present) deploys the version of each deployment.
      - V(requested) makes a new key on the server, and returns a certificate request for it in RV(requests). It returns the
        same request until its certificate was deployed.
      - V(restored) puts the previous version back. A deployment that has a version has it put back only while that version
        is in place.
      - V(committed) ends the transaction. The previous version stays on the server for V(restored) until O(retain) or until
        it expires.
      - V(absent) takes the files of a deployment that nothing serves away, for M(certops.clm.retire). It is refused while any
        certificate of C(mine) is served, and the files come back when the server's own check or its reload wants them. Then
        every copy of their keys in O(state_dir) is removed too, and the outcome's C(after) lists the C(removed) ones.
    type: str
    choices: [present, requested, restored, committed, absent]
    default: present
  deployments:
    description:
      - The deployments on this server. A wrong one fails alone.
      - C(id), the name of the deployment, in lower case.
      - C(target), a dictionary. C(kind) is a server program, as V(nginx) or V(generic), and gives the defaults of C(check) and
        C(reload); the message for a wrong one lists all.
        C(layout) is V(fullchain) (leaf and intermediates in C(certificate_file), key in C(key_file)),
        V(separate) (intermediates in C(chain_file)), V(combined) (everything in C(certificate_file)), or V(pkcs12) or V(jks) (everything
        in the keystore C(certificate_file), with C(password_file), C(former_password_file) and C(alias) as in
        M(certops.clm.java_keystore_deployment)). C(owner), C(group),
        C(mode) and C(key_mode) are kept as they are where they are not given; new certificate files are V(0644), new key files
        V(0600). C(check) is the server's own validation as a list of words. C(reload) is exactly one of C(systemd) (a unit),
        C(command) (a list of words), C(signal) with C(pid_file), and C(haproxy_socket) (a path, with layout V(combined)).
      - C(endpoints), at least one dictionary of C(host), C(port), C(server_name), C(starttls) (as in
        M(certops.clm.tls_endpoint_info)) and C(addresses), as this server itself can reach them.
      - C(version), a dictionary of C(sha256), C(spki_sha256) and C(chain_pem) (the leaf first), with C(lineage) and C(version)
        of the secret store.
      - C(request), a dictionary of C(names), C(key_type) and C(common_name), for O(state=requested).
      - C(key_origin) is V(store) (the default) or V(host). C(dead) is a list of SHA-256s that are never put back. C(slot) is
        V(default), V(rsa) or V(ecdsa); the latter two are proven over TLS 1.2. C(allow_no_rollback) deploys also where there
        is no way back.
      - For O(state=absent), C(mine) is the SHA-256 of every certificate of the lineage, for files that hold another one are left
        alone, and C(keep_keys) keeps the keys in O(state_dir), for those that were made on this server.
    type: list
    elements: dict
    required: true
  secret_store:
    description:
      - The secret store that has the keys, with C(type) and the options of that type. It is read on the controller, and never
        reaches the server.
    type: dict
  state_dir:
    description: The folder on the server for what the way back needs. It is made with mode 0700 and holds private keys.
    type: path
    default: /var/lib/certops-clm
  proof:
    description: How long to look.
    type: dict
    default: {}
    suboptions:
      timeout:
        description: Seconds within which the proof has to succeed.
        type: float
        default: 30.0
      consecutive:
        description: How often in a row every address has to show the certificate.
        type: int
        default: 3
      interval:
        description: Seconds between two looks.
        type: float
        default: 0.2
  retain:
    description: Seconds for which replaced versions are kept on the server. The latest one is kept until it expires.
    type: int
    default: 604800
  command_timeout:
    description: Seconds after which a check or a reload that did not end counts as failed.
    type: float
    default: 60.0
  openssl:
    description: The openssl command of the server.
    type: str
    default: openssl
  hand_over:
    description: Set by the action plugin, to be told in RV(need_keys) which keys are needed before anything is changed.
    type: bool
    default: false
  staged_keys:
    description: Set by the action plugin, the paths on the server of the keys that it handed over.
    type: dict
    default: {}
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.java_keystore_deployment
  - module: certops.clm.server_certificates_info
"""

EXAMPLES = r"""
- name: Deploy two lineages on a web server, with one validation and one reload
  certops.clm.server_deployment:
    secret_store:
      type: directory
      path: /srv/clm/store
    deployments:
      - id: shop-web1
        target:
          kind: nginx
          certificate_file: /etc/nginx/tls/shop.pem
          key_file: /etc/nginx/tls/shop.key
        endpoints:
          - {host: 127.0.0.1, port: 443, server_name: shop.example.com}
        version: "{{ shop_version }}"
      - id: api-web1
        target:
          kind: nginx
          certificate_file: /etc/nginx/tls/api.pem
          key_file: /etc/nginx/tls/api.key
        endpoints:
          - {host: 127.0.0.1, port: 443, server_name: api.example.com}
        version: "{{ api_version }}"
  become: true

- name: Put the previous versions back
  certops.clm.server_deployment:
    state: restored
    deployments: "{{ the_same_deployments_without_a_version }}"
  become: true

- name: Make a key on the server and get a request for it
  certops.clm.server_deployment:
    state: requested
    deployments:
      - id: db-db1
        key_origin: host
        target:
          kind: postgresql
          certificate_file: /var/lib/postgresql/15/main/server.crt
          key_file: /var/lib/postgresql/15/main/server.key
        endpoints:
          - {host: 127.0.0.1, port: 5432, starttls: postgresql}
        request:
          names: [db.example.com]
          key_type: ecdsa-p256
  become: true
"""

RETURN = r"""
outcomes:
  description: What came of each deployment, by its id.
  returned: always
  type: dict
  contains:
    state:
      description: C(unchanged), C(planned) (check mode), C(done), C(unproven), C(rolled_back) or C(failed).
      type: str
      returned: always
    step:
      description:
        - The step that it ended in, C(recover), C(hand_over), C(read), C(plan), C(put), C(bind), C(prove), C(restore), C(commit),
          C(unbind) or C(request).
      type: str
      returned: always
    reason:
      description: Why there was something to do, with C(word) and C(sentence). None when there was nothing.
      type: dict
      returned: always
    before:
      description: The C(sha256) and C(not_after) of what was in place.
      type: dict
      returned: always
    after:
      description: The same of what is in place now.
      type: dict
      returned: always
    message:
      description: What happened.
      type: str
      returned: always
    next_action:
      description: What to do next, empty when there is nothing to do.
      type: str
      returned: always
    runbook_page:
      description: The page of this collection's documentation that says what to do, empty when nothing went wrong.
      type: str
      returned: always
requests:
  description: For O(state=requested), the C(csr_pem), C(spki_sha256) and C(names) of each deployment's request, by its id.
  returned: with O(state=requested)
  type: dict
need_keys:
  description: Where the action plugin is to put which keys, by deployment. Seen by the action plugin only.
  returned: with O(hand_over=true) when keys are needed
  type: dict
recovered:
  description: A sentence for each place that an earlier, killed run had left half swapped and that is whole again.
  returned: when there was one
  type: list
  elements: str
unrecovered:
  description:
    - A sentence for each place that an earlier run had left half swapped, that could not be mended, and that is none of
      O(deployments). It does not fail the task.
  returned: when there was one
  type: list
  elements: str
"""

from typing import Any, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import batch_result, failure_message, run_raw, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy_server import serve
from ansible_collections.certops.clm.plugins.module_utils.targets.server import server

PROOF = {
    "timeout": {"type": "float", "default": 30.0},
    "consecutive": {"type": "int", "default": 3},
    "interval": {"type": "float", "default": 0.2},
}
SPEC = {
    "state": {"type": "str", "choices": ["present", "requested", "restored", "committed", "absent"], "default": "present"},
    "deployments": {"type": "list", "elements": "dict", "required": True},
    "secret_store": {"type": "dict", "no_log": False},
    "state_dir": {"type": "path", "default": "/var/lib/certops-clm"},
    "proof": {"type": "dict", "default": {}, "options": PROOF},
    "retain": {"type": "int", "default": 604800},
    "command_timeout": {"type": "float", "default": 60.0},
    "openssl": {"type": "str", "default": "openssl"},
    "hand_over": {"type": "bool", "default": False},
    "staged_keys": {"type": "dict", "default": {}, "no_log": False},
}


def work(params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The result of the batch; failed when an item failed."""
    target = server({**params, **params["proof"]}, utc_now, params["staged_keys"])
    more = serve(target, params, check_mode=check_mode)
    outcomes = more.pop("outcomes")
    result = batch_result(outcomes, diff=True, **{name: value for name, value in more.items() if value})
    message = failure_message(outcomes)
    return {**result, "failed": True, "msg": message} if message else result


def main() -> None:
    """Run as a module on the managed host."""
    run_raw(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
