#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_pca_certificate
short_description: Issue, renew and revoke certificates of AWS Private CA
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Has many certificates issued at once by a certificate authority of AWS Private CA, also by one that only issues short-lived ones.
  - The key of each certificate is durable in the secret store before AWS hears of it, and the ARN of the certificate before it is
    fetched. A run that was killed is resumed by the next one with both.
  - AWS knows a request again for five minutes. A run that was killed just after it asked, and is resumed later, has another certificate
    issued, and the first one is never used.
options:
  certificate_authority_arn:
    description: The ARN of the CA. Its region is the one that is asked. A CA that another account shares is named in the same way.
    type: str
    required: true
  template:
    description:
      - The name of the certificate template, such as V(BlankEndEntityCertificate_CSRPassthrough/V1), or its ARN.
      - By default V(EndEntityServerAuthCertificate/V1), V(EndEntityClientAuthCertificate/V1) or V(EndEntityCertificate/V1), by the
        usages of the profile. What a template leaves out or adds is compared with the profile before the certificate is kept.
    type: str
  signing_algorithm:
    description: What the CA signs with, such as V(SHA384WITHECDSA). It has to fit the CA's key. By default what the CA itself uses.
    type: str
  issue_timeout:
    description: How many seconds AWS may take to issue. Then the outcome is V(pending), and a later run fetches the certificate.
    type: int
    default: 60
  concurrency:
    description: How many certificates are asked for at once.
    type: int
    default: 8
  state:
    description: Whether the certificates are wanted, or the current ones are to be revoked.
    type: str
    choices: [present, revoked]
    default: present
  reason:
    description: The reason to revoke for.
    type: str
    choices: [unspecified, key_compromise, affiliation_changed, superseded, cessation_of_operation, privilege_withdrawn]
    default: superseded
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.attributes.clm_issue
  - certops.clm.issue
  - certops.clm.ledger
  - certops.clm.aws
  - certops.clm.aws.access
seealso:
  - module: certops.clm.certificate
"""

EXAMPLES = r"""
- name: A certificate of AWS Private CA, with its key in Secrets Manager
  certops.clm.aws_pca_certificate:
    certificate_authority_arn: arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/11111111-2222-3333-4444-555555555555
    secret_store:
      type: aws_secrets_manager
      region: eu-central-1
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
        issuer: aws_pca:arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/11111111-2222-3333-4444-555555555555
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
from ansible_collections.certops.clm.plugins.module_utils.issuers.aws_pca import OPTIONS, REASONS, create
from ansible_collections.certops.clm.plugins.module_utils.nested import plain

STATE = {
    "state": {"type": "str", "choices": ["present", "revoked"], "default": "present"},
    "reason": {"type": "str", "choices": list(REASONS), "default": "superseded"},
}


def main() -> None:
    """Run the issue flow, or the revoke flow, with this issuer."""
    module = AnsibleModule(argument_spec={**plain(OPTIONS), **STATE, **COMMON}, supports_check_mode=True)
    run_certificates(module, create)


if __name__ == "__main__":
    main()
