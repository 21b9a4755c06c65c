#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_acm_certificate
short_description: Have AWS Certificate Manager issue public certificates, with validation by DNS
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Has many public certificates issued at once by AWS Certificate Manager (ACM), which makes each key and never gives it away.
  - The CNAME records that ACM asks for are written into the public hosted zones of Route 53, in as few calls as AWS allows. They stay
    there for good, because ACM looks at them again for every renewal. For a name in no hosted zone the outcome is V(pending), and
    says which records somebody has to add.
  - The ARN of a certificate is durable in the secret store before it is waited for. A run that was killed, or whose time was over, is
    gone on with by the next one.
  - Such a certificate can only be served by services of AWS, in the same account and region, as with
    M(certops.clm.aws_elbv2_listener_deployment). A server never can.
  - ACM renews by itself what is in use, in place and with a new key. Until a tenth of the life is left nothing else is asked for as
    long as ACM says that it may renew it, and has not failed to. What it has renewed becomes a new version of the lineage with the
    same ARN. What nothing uses ACM does not renew, and then a new certificate is asked for at a third of the life as with any issuer.
notes:
  - The role needs C(acm:RequestCertificate), C(acm:AddTagsToCertificate), C(acm:DescribeCertificate), C(acm:GetCertificate),
    C(acm:ListCertificates), C(route53:ListHostedZones) and C(route53:ChangeResourceRecordSets). The least privilege is in the guide
    for AWS.
  - It cannot revoke. ACM revokes by its API only certificates that were exported, which these are never. For others open a case with
    AWS Support.
  - The lifetime is ACM's own, whatever the profile says. Its key types are V(rsa-2048), V(ecdsa-p256) and V(ecdsa-p384), and its only
    usage is V(server_auth).
options:
  region:
    description: The region where the certificates are to be used. For CloudFront it is V(us-east-1). By default the SDK's own.
    type: str
  dns:
    description:
      - With V(route53) the records are written into the public hosted zones that hold the names.
      - With V(manual) Route 53 is never asked, and somebody is told which records to add.
    type: str
    choices: [route53, manual]
    default: route53
  dns_role_arn:
    description: A role to assume for Route 53, where the hosted zones are in another account. By default O(role_arn).
    type: str
  hosted_zone_ids:
    description: The hosted zones to write to, where two have the same name, or where the role may not list them. By default all.
    type: list
    elements: str
    default: []
  issue_timeout:
    description: How many seconds ACM may take. Then the outcome is V(pending), and a later run goes on.
    type: int
    default: 300
  concurrency:
    description: How many certificates are asked for at once.
    type: int
    default: 8
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.attributes.clm_issue
  - certops.clm.issue
  - certops.clm.ledger
  - certops.clm.aws
  - certops.clm.aws.access
seealso:
  - module: certops.clm.certificate
  - module: certops.clm.aws_acm_deployment
"""

EXAMPLES = r"""
- name: Public certificates whose keys stay with AWS
  certops.clm.aws_acm_certificate:
    region: eu-central-1
    secret_store:
      type: aws_secrets_manager
      region: eu-central-1
    ledger:
      path: /srv/pki/ledger
    certificates:
      - lineage: shop
        names: [shop.example.com, "*.shop.example.com", shop.example.net]
      - lineage: api
        names: [api.example.com]
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each certificate, by its id. Also there when the task fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) is V(unchanged), V(planned) in check mode, V(done), V(pending) or V(failed).
    - C(before) and C(after) hold C(version), C(sha256), C(spki_sha256), C(not_before), C(not_after), C(names), C(issuer) and
      C(request_id). No key is ever returned, for there is none.
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
        not_before: "2026-11-23T00:00:00Z"
        not_after: "2027-06-08T23:59:59Z"
        names: [shop.example.com, "*.shop.example.com", shop.example.net]
        issuer: aws_acm:111122223333:eu-central-1
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
from ansible_collections.certops.clm.plugins.module_utils.issuers.aws_acm import OPTIONS, create
from ansible_collections.certops.clm.plugins.module_utils.nested import plain


def main() -> None:
    """Run the issue flow with this issuer."""
    module = AnsibleModule(argument_spec={**plain(OPTIONS), **COMMON}, supports_check_mode=True)
    run_certificates(module, create)


if __name__ == "__main__":
    main()
