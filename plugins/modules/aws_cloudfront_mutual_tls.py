#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says by which trust store a distribution of CloudFront verifies its viewers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_cloudfront_mutual_tls
short_description: How AWS CloudFront verifies viewers
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes a distribution of CloudFront verify its viewers by a trust store, or ask them for no certificate. Everything else of its
    configuration goes back as it was read, against the ETag that was read with it.
  - What the distribution says is read first, and again after a write. CloudFront takes some minutes until it is so everywhere.
options:
  distribution_id:
    description: The id of the distribution. CloudFront refuses mutual TLS for one that takes plain HTTP.
    type: str
    required: true
  mode:
    description:
      - V(required) refuses every viewer whose certificate does not lead to an anchor of the O(trust_store), or that has none.
      - V(optional) lets in who has no certificate, and refuses who has one that is not verified.
      - V(off) asks for none.
    type: str
    choices: ["off", optional, required]
    required: true
  trust_store:
    description: The name or the id of the trust store, which has to be in force. It is needed unless O(mode=off).
    type: str
notes:
  - The first boto3 that knows mutual TLS of CloudFront is 1.41.3, and with an older one the task says so.
extends_documentation_fragment:
  - certops.clm.trust.mutual
  - certops.clm.aws
  - certops.clm.aws.access
  - certops.clm.attributes
seealso:
  - module: certops.clm.aws_cloudfront_trust_store
  - module: certops.clm.aws_cloudfront_distribution_deployment
"""

EXAMPLES = r"""
- name: Viewers need a certificate
  certops.clm.aws_cloudfront_mutual_tls:
    distribution_id: EDFDVBD6EXAMPLE
    mode: required
    trust_store: viewers
  delegate_to: localhost
"""

RETURN = r"""
outcomes:
  description:
    - What came of the distribution, by its id, with C(state), C(step), C(before), C(after), C(message) and C(next_action).
    - C(before) and C(after) have C(mode), C(trust_store) as an id, C(ignore_client_certificate_expiry) and
      C(advertise_trust_store_ca_names).
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._edge_trust import run_verifying
from ansible_collections.certops.clm.plugins.module_utils.verifiers import aws_cloudfront_mutual_tls


def main() -> None:
    """Run the module."""
    run_verifying(
        AnsibleModule(argument_spec=aws_cloudfront_mutual_tls.OPTIONS, supports_check_mode=True), aws_cloudfront_mutual_tls.create
    )


if __name__ == "__main__":
    main()
