#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: manual_certificate
short_description: Issue and renew certificates from a CA that is reached through people
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Writes the request of each certificate that is due into a folder, and takes the signed certificate from there in a later run, for
    many certificates at once.
  - The request of a version is C(<lineage>.<version>.csr), and its certificate is expected as C(<lineage>.<version>.pem), in PEM with
    its intermediates behind it. Order, duplicates and an included root do not matter.
  - What comes back is checked against the request. Key, names, validity, usages and the chain up to O(anchors) must be right.
  - Until then the outcome is V(pending) in the run that writes the request, V(unchanged) in later ones, and says who must do what.
    It is V(failed) once what is kept lives no longer than 12 hours or a quarter of its life, and in every run after the first where
    nothing is kept.
options:
  path:
    description: The folder for requests and certificates.
    type: path
    required: true
  name:
    description:
      - A name for the CA, of lower-case letters, digits, V(.), V(_) and V(-).
      - Certificates of another name are issued anew. Issuers of one name count as interchangeable.
    type: str
    required: true
  anchors:
    description: The file with the root certificates of the CA in PEM, or V(public) for the public roots of the package certifi.
    type: path
    required: true
  contact:
    description: Who must act, for the message.
    type: str
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.attributes.clm_issue
  - certops.clm.issue
  - certops.clm.ledger
seealso:
  - module: certops.clm.certificate
"""

EXAMPLES = r"""
- name: A certificate from the CA of the head office
  certops.clm.manual_certificate:
    path: /srv/pki/desk
    name: head-office
    anchors: /srv/pki/head-office-root.pem
    contact: pki-desk@example.com
    secret_store:
      type: directory
      path: /srv/pki/store
    ledger:
      path: /srv/pki/ledger
    certificates:
      - lineage: shop
        names: [shop.example.com]
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each certificate, by its id. Also there when the task fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) is V(unchanged), V(planned) in check mode, V(done), V(pending) or V(failed).
    - C(before) and C(after) hold C(version), C(sha256), C(spki_sha256), C(not_before), C(not_after), C(names), C(issuer) and
      C(request_id). No key is ever returned.
  type: dict
  returned: always
  sample:
    shop:
      state: done
      step: issue
      reason: {word: missing, sentence: shop has no certificate yet}
      before: {}
      after:
        version: 000001-3f2a9c10
        sha256: 5b0c1f0e9f6f7a0a3f0d9d1a6a0f4b4a2a1e6e4e7c3f1f0b8e8d7c6b5a493827
        spki_sha256: 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0
        not_before: "2026-11-23T09:55:00Z"
        not_after: "2027-02-21T09:54:59Z"
        names: [shop.example.com]
        issuer: manual:head-office
        request_id: shop/000001-3f2a9c10
      message: ""
      next_action: ""
checkpoint:
  description:
    - The signed checkpoint that ended the run. Its C(origin) is the name of the chain, and C(size) and C(root) say how many lines it
      has and the root over them. C(vkey) is the public key that signs it, C(file) where it was written, and C(new) whether it was
      not there before.
  type: dict
  returned: when O(ledger.checkpoints) is set and it was sent
merged:
  description: How many events that were recorded under O(ledger.break_glass) were taken into the ledger now.
  type: int
  returned: when there were any
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._edge_issue import run_certificates
from ansible_collections.certops.clm.plugins.module_utils.flows.certificates import OPTIONS as COMMON
from ansible_collections.certops.clm.plugins.module_utils.issuers.manual import OPTIONS, create


def main() -> None:
    """Run the issue flow with this issuer."""
    module = AnsibleModule(argument_spec={**OPTIONS, **COMMON}, supports_check_mode=True)
    run_certificates(module, create)


if __name__ == "__main__":
    main()
