#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_info
short_description: Read certificates from files and texts
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Returns the facts of every certificate in any number of files and texts, each by its identity, the SHA-256 of its DER.
  - A certificate that is damaged or odd is still a record. What could be read is there, and RV(certificates) says under
    C(malformed) what could not, with the reason.
  - PEM is read strictly. A file that is cut, garbled or holds a private key is never read as less than it is. It gives one
    record that is malformed.
  - The module fails when a file cannot be read. Every other item has its outcome and its facts all the same.
options:
  certificates:
    description: What to read. Each item needs exactly one of O(certificates[].path) and O(certificates[].content).
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description:
          - What the outcome of this item is called.
          - By default O(certificates[].path), and without it the position in the list, from V(0) on.
        type: str
      path:
        description: A file on the host where the module runs, with any number of certificates in PEM, or one in DER.
        type: path
      content:
        description: The text of any number of certificates in PEM.
        type: str
requirements:
  - cryptography >= 46
extends_documentation_fragment:
  - certops.clm.attributes.info
  - certops.clm.attributes.clm
notes:
  - Names and texts come from the certificates as they are, and anybody can make a certificate. Check them before they go
    into a command or a file name.
seealso:
  - module: certops.clm.tls_endpoint_info
"""

EXAMPLES = r"""
- name: Read two chain files
  certops.clm.certificate_info:
    certificates:
      - path: /etc/nginx/tls/shop.pem
      - id: database
        path: /etc/postgresql/server.crt
  register: files

- name: Fail when one of the leaf certificates ends within two weeks, or cannot be read
  ansible.builtin.assert:
    that:
      - item.value[0].malformed | length == 0
      - item.value[0].days_left >= 14
  loop: "{{ files.certificates | dict2items }}"
  loop_control:
    label: "{{ item.key }}"

- name: Read a text
  certops.clm.certificate_info:
    certificates:
      - id: given
        content: "{{ lookup('ansible.builtin.file', 'shop.pem') }}"
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each item, by its id, with C(state), C(reason), C(step), C(before), C(after), C(message),
      C(next_action) and C(runbook_page).
    - The state is V(unchanged) where the item was read, malformed or not, and V(failed) where it could not be read.
  returned: always
  type: dict
  sample:
    database:
      state: unchanged
      step: read
      reason: null
      before: {}
      after: {sha256: 4f7c0a1e2b9d3c5f8a6b7d0e1c2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f, not_after: "2027-02-01T11:59:59Z", count: 2}
      message: ""
      next_action: ""
certificates:
  description: The facts of the certificates of each item that was read, by its id, in their order.
  returned: always
  type: dict
  contains:
    sha256:
      description: The identity, the SHA-256 of the DER in hex.
      type: str
    spki_sha256:
      description: The SHA-256 of the public key (SubjectPublicKeyInfo) in hex.
      type: str
    subject:
      description: The subject as RFC 4514 text.
      type: str
    issuer:
      description: The issuer as RFC 4514 text.
      type: str
    serial:
      description: The serial number in hex. It identifies nothing.
      type: str
    not_before:
      description: The first second of validity.
      type: str
    not_after:
      description: The last second of validity.
      type: str
    expired:
      description: Whether the last second of validity has passed.
      type: bool
    days_left:
      description: How many whole days are left, negative when it has expired, and null when the date cannot be read.
      type: int
    names:
      description: DNS names, then IP addresses, at most 1000.
      type: list
      elements: str
    names_count:
      description: How many alternative names there are.
      type: int
    dns_names:
      description: The DNS names, at most 1000.
      type: list
      elements: str
    ip_addresses:
      description: The IP addresses, at most 1000.
      type: list
      elements: str
    other_names:
      description: Every other alternative name with its kind in front, at most 1000.
      type: list
      elements: str
    common_name:
      description: The last common name of the subject.
      type: str
    key_type:
      description: The key in one word, like V(ecdsa-p256), V(rsa-2048), V(ed25519) or V(ml-dsa-65).
      type: str
    signature:
      description: The algorithm of the issuer's signature in one word, or its OID.
      type: str
    is_ca:
      description: Whether it is a CA's.
      type: bool
    path_length:
      description: How many CA certificates may follow, null without a limit.
      type: int
    key_usage:
      description: The key usages in snake case.
      type: list
      elements: str
    extended_key_usage:
      description: V(server_auth), V(client_auth) or an OID each.
      type: list
      elements: str
    ski:
      description: The subject key identifier in hex.
      type: str
    aki:
      description: The authority key identifier in hex.
      type: str
    self_issued:
      description: Whether subject and issuer are the same.
      type: bool
    must_staple:
      description: Whether it demands a stapled OCSP answer.
      type: bool
    crl_urls:
      description: The URLs of its CRLs.
      type: list
      elements: str
    ocsp_urls:
      description: The URLs of its OCSP responders.
      type: list
      elements: str
    malformed:
      description: A sentence for everything that could not be read.
      type: list
      elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import batch_result, failure_message, run_raw, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect import inspect

ITEM = {"id": {"type": "str"}, "path": {"type": "path"}, "content": {"type": "str"}}


def main() -> None:
    spec = {"certificates": {"type": "list", "elements": "dict", "required": True, "options": ITEM}}

    def work(params, check_mode):
        outcomes, facts = inspect(params["certificates"], utc_now)
        message = failure_message(outcomes)
        failure = {"failed": True, "msg": message} if message else {}
        return {**batch_result(outcomes, certificates=facts), **failure}

    run_raw(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
