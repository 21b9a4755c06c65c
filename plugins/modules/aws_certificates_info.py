#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the certificates that AWS serves and keeps."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_certificates_info
short_description: List the certificates that AWS serves and keeps, and where
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Returns one row for each place that serves a certificate. The places are listeners of application, network and classic load
    balancers with their default and SNI certificates, CloudFront distributions, and domain names of API Gateway.
  - Returns one row for each certificate of ACM and IAM that no such place was seen to serve, so that what is unused is found, and one for
    the certificate of each private CA.
  - Everything comes from listings, page by page. A certificate is read by itself only for its bytes, once, and not again while
    O(cache_file) knows it.
  - An account, a region or a service that does not answer hides no other. It is named in RV(unseen), and the task fails at its end
    unless O(allow_unseen) is true.
  - The same is a source of the inventory plugin P(certops.clm.certificates#inventory), by the type V(aws_certificates).
options:
  profile:
    description: The profile of the SDK's configuration whose credentials are used. By default the SDK finds them as it always does.
    type: str
  regions:
    description:
      - The regions to list. By default the region of the SDK's configuration.
      - IAM, CloudFront and the certificates of CloudFront in V(us-east-1) are listed too.
    type: list
    elements: str
    default: []
  role_arns:
    description: Roles to assume, one for each account that is to be listed. Their credentials are renewed while the task runs.
    type: list
    elements: str
    default: []
  organization_role:
    description:
      - The name of a role that is assumed in every active account of the organization.
      - Where the account that asks has no such role itself, as the one that manages an organization, it is listed with its own credentials.
    type: str
  external_id:
    description: The external id that the roles ask for.
    type: str
  services:
    description: The services whose places are listed, and with V(acm-pca) the private CAs. Certificates of ACM and IAM always are.
    type: list
    elements: str
    choices: [elbv2, elb, apigateway, apigatewayv2, cloudfront, acm-pca]
    default: [elbv2, elb, apigateway, apigatewayv2, cloudfront, acm-pca]
  concurrency:
    description: How many calls are under way at once, from 1 to 64.
    type: int
    default: 8
  cache_file:
    description: A file that keeps the certificates that were read, which are public, so that they are not read again while they stay.
    type: path
  anchors:
    description:
      - A PEM file with trust anchors, or V(public) for the public root set. A chain that leads to none of them has the finding
        V(no_path).
      - Each entry stands for one class of clients, and one that accepts the chain is enough.
    type: list
    elements: str
    default: [public]
  allow_unseen:
    description: Whether the task succeeds although something could not be looked at.
    type: bool
    default: false
requirements:
  - cryptography >= 46
  - certifi, for V(public) in O(anchors)
extends_documentation_fragment:
  - certops.clm.aws
  - certops.clm.attributes.info
seealso:
  - plugin: certops.clm.certificates
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: What is served in two regions of forty accounts
  certops.clm.aws_certificates_info:
    regions: [eu-central-1, us-east-1]
    organization_role: certificate-reader
    cache_file: /var/cache/clm/aws.json
  register: aws

- name: Certificates that nothing serves
  ansible.builtin.debug:
    msg: "{{ aws.certificates | selectattr('findings', 'contains', 'unused') | map(attribute='where.certificate_arn') }}"
"""

RETURN = r"""
certificates:
  description: One row for each place and for each certificate that is served at none.
  type: list
  elements: dict
  returned: always, unless no account could be asked
  contains:
    sha256:
      description: The SHA-256 of the leaf, empty when it could not be read.
      type: str
    names:
      description: The leaf's names, at most 1000.
      type: list
      elements: str
    not_before:
      description: The first second of validity.
      type: str
    not_after:
      description: The last second of validity.
      type: str
    issuer:
      description: The issuer as RFC 4514 text.
      type: str
    key_type:
      description: The type of the leaf's key.
      type: str
    chain_length:
      description: How many certificates AWS keeps for it, the leaf included.
      type: int
    findings:
      description: What is wrong, as V(expired), V(no_path), V(unreadable) and V(unused).
      type: list
      elements: str
    path_problems:
      description: Why the chain leads to no anchor of the first entry in O(anchors), one sentence each.
      type: list
      elements: str
    error:
      description: Why there is no certificate, empty when there is one.
      type: str
    where:
      description:
        - The place. It has C(account), C(region), C(service), C(place), C(certificate_arn), C(bound), C(status), C(type), what the
          service says of it, as C(listener) and C(slot), and C(labels) from the tags C(owner), C(service), C(environment),
          C(criticality) and C(runbook). A private CA has C(authority), and its chain is judged by no anchors.
        - C(bound) is V(false) for a certificate that nothing serves, and null where AWS does not tell.
      type: dict
unseen:
  description: One sentence for everything that could not be looked at.
  type: list
  elements: str
  returned: always, unless no account could be asked
counts:
  description: How many rows have each finding.
  type: dict
  returned: always, unless no account could be asked
  sample: {unused: 3}
"""

from typing import Any, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.anchors import load_anchors
from ansible_collections.certops.clm.plugins.module_utils.edge import run_raw, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.look_source import look
from ansible_collections.certops.clm.plugins.module_utils.sources import aws_certificates

OPTIONS: Dict[str, Any] = {
    **aws_certificates.OPTIONS,
    "anchors": {"type": "list", "elements": "str", "default": ["public"]},
    "allow_unseen": {"type": "bool", "default": False},
}
HINT = "let the role read there (the guide Least privilege in AWS has the policy), or set allow_unseen to go on without it"


def listed(params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """Everything found, as a failure when something could not be looked at."""
    anchors = load_anchors({place: place for place in params["anchors"]})
    facts = look(aws_certificates.create(params, utc_now), list(anchors.values()), utc_now)
    unseen = facts["unseen"]
    if unseen and not params["allow_unseen"]:
        facts.update(failed=True, msg=f"{len(unseen)} could not be looked at: {'; '.join(unseen[:10])}. Next: {HINT}")
    return {"changed": False, **facts}


def main() -> None:
    """Run the module."""
    run_raw(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), listed)


if __name__ == "__main__":
    main()
