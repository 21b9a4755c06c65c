#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tls_endpoint_info
short_description: Look at what live TLS endpoints serve
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Opens one new TLS connection to every address of every endpoint and returns the certificates that were served, the
    protocol, the cipher and the key-share group, and what is wrong with them in sentences.
  - All endpoints of a task are looked at together, with bounded concurrency and bounded time. One endpoint that hangs, sends
    garbage or never stops sending costs the others nothing.
  - The path to O(anchors) is built from what the server sent and from nothing else. Nothing that a certificate points to
    is fetched.
  - The module never fails for what it finds. Use RV(ok) or the state of each outcome to decide.
options:
  endpoints:
    description: The endpoints to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description:
          - What the outcome of this endpoint is called.
          - By default C(host:port), and C(host:port/server_name) where O(endpoints[].server_name) is given.
        type: str
      host:
        description: The name or address to connect to. Every IPv4 and IPv6 address of a name is looked at, at most 32.
        type: str
        required: true
      port:
        description: The TCP port.
        type: int
        default: 443
      server_name:
        description:
          - The name to ask for by SNI, and to expect in the certificate.
          - By default O(endpoints[].host). An address is not asked for by SNI.
        type: str
        default: ""
      starttls:
        description:
          - The protocol that begins in clear before TLS, as V(postgresql), V(mysql), V(smtp), V(imap), V(ldap), V(xmpp) or V(ftp).
          - With V(none) the first byte is TLS already.
        type: str
        default: none
      addresses:
        description: The IP addresses to connect to instead of those that O(endpoints[].host) resolves to.
        type: list
        elements: str
        default: []
      slot:
        description:
          - With V(rsa) or V(ecdsa) only that signature is taken, to see one of two certificates that a server has side by side.
          - Such a look is made over TLS 1.2, whose cipher names alone can say it.
        type: str
        choices: [default, rsa, ecdsa]
        default: default
      sha256:
        description: The SHA-256 of the leaf certificate that should be served, with or without colons. By default any will do.
        type: str
  anchors:
    description:
      - Which clients must be able to verify what is served. The keys are names of client classes of your choice, the values
        are where the trust anchors of that class are found.
      - A value is the path of a PEM file on the host where the module runs, or V(public) for the public roots that the
        Python package certifi brings.
      - Without it no path is built.
    type: dict
  check_name:
    description: Whether a certificate that does not name the endpoint is a finding.
    type: bool
    default: true
  timeout:
    description:
      - Seconds after which resolving the name is given up, and likewise connecting, and what is said before TLS, and the
        handshake.
    type: float
    default: 5.0
  concurrency:
    description: How many connections are open at once, at least 1 and at most 512.
    type: int
    default: 64
requirements:
  - cryptography >= 46
  - pyOpenSSL >= 26
  - certifi, for V(public) in O(anchors)
extends_documentation_fragment:
  - certops.clm.attributes.info
  - certops.clm.attributes.clm
notes:
  - Run it where the Python packages are and from where clients would look, usually with C(delegate_to) set to C(localhost).
    The example shows how the packages of the Python that runs Ansible are used.
  - A server that sends more than 16 certificates gets a finding, and the rest is left out.
  - A PostgreSQL server logs an incomplete startup packet for each look. A MySQL or MariaDB server counts each look from another
    host as an interrupted connection; keep its C(max_connect_errors) above what a rotation looks, or it blocks that host.
seealso:
  - module: certops.clm.certificate_info
"""

EXAMPLES = r"""
- name: Look at a web server and a database
  certops.clm.tls_endpoint_info:
    endpoints:
      - host: shop.example.com
      - host: db1.example.com
        port: 5432
        starttls: postgresql
    anchors:
      browsers: public
      internal: /etc/pki/internal/root.pem
  register: looked
  delegate_to: localhost
  run_once: true
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"

- name: Fail when anything is wrong
  ansible.builtin.assert:
    that: looked.ok
    fail_msg: "{{ looked.outcomes | dict2items | map(attribute='value.message') | select | join('; ') }}"

- name: See whether two backends serve the new certificate although the name does not resolve to them
  certops.clm.tls_endpoint_info:
    endpoints:
      - id: backends
        host: shop.example.com
        addresses: [192.0.2.10, "2001:db8::10"]
        sha256: 4f7c0a1e2b9d3c5f8a6b7d0e1c2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f
    timeout: 3
  register: looked
  delegate_to: localhost
"""

RETURN = r"""
ok:
  description: Whether every endpoint was looked at and nothing was found wrong.
  returned: success
  type: bool
  sample: false
outcomes:
  description:
    - One outcome for each endpoint, by its id. Besides the keys of every outcome (C(state), C(reason), C(step), C(before),
      C(after), C(message), C(next_action), C(runbook_page)) it has those below.
    - The state is V(unchanged) when nothing is wrong, V(failed) when something is, V(unproven) when it could not be looked at.
  returned: success
  type: dict
  contains:
    endpoint:
      description: The endpoint as it was asked for.
      type: dict
    answer:
      description:
        - V(served) when every address showed what was wanted, V(not_served) when at least one did not, V(could_not_look)
          when nothing wrong was seen but not every address could be looked at.
      type: str
    sha256:
      description: The SHA-256 of the leaf served; of the first wrong one where addresses differ.
      type: str
    findings:
      description: A sentence for everything that is wrong.
      type: list
      elements: str
    remarks:
      description: A sentence for everything that is not wrong yet, like a certificate near its end or a root sent along.
      type: list
      elements: str
    addresses:
      description: What each address showed.
      type: list
      elements: dict
      contains:
        address:
          description: The IP address.
          type: str
        answer:
          description: V(answered), V(refused) when a TLS server showed no certificate, or V(could_not_look).
          type: str
        sha256:
          description: The SHA-256 of the leaf.
          type: str
        chain:
          description: The SHA-256 of every certificate sent, in the order in which they were sent, at most 16.
          type: list
          elements: str
        sent:
          description: How many certificates were sent.
          type: int
        protocol:
          description: The protocol that was negotiated.
          type: str
        cipher:
          description: The cipher suite by its OpenSSL name.
          type: str
        group:
          description: The key-share group.
          type: str
        error:
          description: Why there is no certificate.
          type: str
        milliseconds:
          description: How long the look took.
          type: int
  sample:
    shop.example.com:443:
      state: failed
      step: look
      reason: null
      before: {}
      after: {}
      message: "shop.example.com:443 at 192.0.2.10: the certificate is not for shop.example.com: it is for www.example.com"
      next_action: mend what the findings name, then look again
      answer: not_served
      findings:
        - "shop.example.com:443 at 192.0.2.10: the certificate is not for shop.example.com: it is for www.example.com"
certificates:
  description:
    - Every certificate that was seen, once, by its SHA-256, with the same facts as M(certops.clm.certificate_info) returns
      and with C(pem).
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import run_info, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.look import look
from ansible_collections.certops.clm.plugins.module_utils.probe import DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, ENDPOINT_OPTIONS


def main() -> None:
    endpoint = {"id": {"type": "str"}, **ENDPOINT_OPTIONS, "sha256": {"type": "str"}}
    spec = {
        "endpoints": {"type": "list", "elements": "dict", "required": True, "options": endpoint},
        "anchors": {"type": "dict"},
        "check_name": {"type": "bool", "default": True},
        "timeout": {"type": "float", "default": DEFAULT_TIMEOUT},
        "concurrency": {"type": "int", "default": DEFAULT_CONCURRENCY},
    }
    run_info(AnsibleModule(argument_spec=spec, supports_check_mode=True), lambda params: look(params, utc_now))


if __name__ == "__main__":
    main()
