#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes trust stores of CloudFront."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_cloudfront_trust_store
short_description: Anchors that viewers of AWS CloudFront are verified by
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes a trust store of CloudFront, by which distributions verify the certificates of viewers. Which distribution verifies by it is
    left alone.
  - CloudFront takes a bundle and never gives it back. A record beside the bundle says which version of it the trust store took, and it is
    believed as long as the trust store has not changed since, by its ETag. A trust store that somebody else wrote is left alone, unless
    O(replace_unknown=true).
  - A trust store that is not there yet is made, unless O(state=removed).
options:
  name:
    description: The name of the trust store.
    type: str
    required: true
  region:
    description: The region of the bucket. By default the one that the SDK knows.
    type: str
notes:
  - The first boto3 that knows trust stores of CloudFront is 1.41.3, and with an older one the task says so.
extends_documentation_fragment:
  - certops.clm.trust
  - certops.clm.trust.bucket
  - certops.clm.aws
  - certops.clm.aws.access
  - certops.clm.trust.unknown
  - certops.clm.attributes
seealso:
  - module: certops.clm.aws_cloudfront_distribution_deployment
"""

EXAMPLES = r"""
- name: Viewers of one CA
  certops.clm.aws_cloudfront_trust_store:
    name: viewers
    region: eu-central-1
    bucket: example-trust
    anchors: [/srv/clm/ca/root.pem]
  delegate_to: localhost

- name: Its next root too, before anything is issued below it
  certops.clm.aws_cloudfront_trust_store:
    name: viewers
    region: eu-central-1
    bucket: example-trust
    state: added
    anchors: [/srv/clm/ca-2027/root.pem]
  delegate_to: localhost
"""

RETURN = r"""
outcomes:
  description:
    - What came of the trust store, by its name, with C(state), C(step), C(before), C(after), C(message) and C(next_action).
    - C(before) and C(after) have C(anchors), each with C(sha256), C(subject), C(not_before) and C(not_after).
  returned: always
  type: dict
remarks:
  description: Which anchors end within 30 days or are not valid yet.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._edge_trust import run_trust, trust_spec
from ansible_collections.certops.clm.plugins.module_utils.flows.trust import DOUBT_OPTIONS, REQUIRED_IF
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import aws_cloudfront_trust_store


def main() -> None:
    """Run the module."""
    spec = trust_spec(aws_cloudfront_trust_store.OPTIONS, DOUBT_OPTIONS)
    run_trust(AnsibleModule(argument_spec=spec, required_if=REQUIRED_IF, supports_check_mode=True), aws_cloudfront_trust_store.create)


if __name__ == "__main__":
    main()
