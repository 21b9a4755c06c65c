#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the trust stores of API Gateway's domain names."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_api_trust_store
short_description: Anchors that clients of AWS API Gateway are verified by
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes the trust store of a domain name's mutual TLS, for REST APIs or for HTTP and WebSocket APIs. Certificate, policies and mappings
    of the domain name stay as they are.
  - The domain name is told to take one version of the bundle, and what is in force is read by that version. What API Gateway says of the
    certificates in it is remarked.
  - A domain name that was given a bundle without a version is left alone, for nobody can tell which one it took, unless
    O(replace_unknown=true).
options:
  domain_name:
    description: The domain name. It must be there.
    type: str
    required: true
  api:
    description: Whether it is one of REST APIs, or of HTTP and WebSocket APIs.
    type: str
    choices: [rest, http]
    default: rest
  enable_mutual_tls:
    description:
      - Whether mutual TLS is turned on for a domain name that has none yet. From then on every client without a certificate is refused,
        so the task fails without it. An edge-optimised domain name has no mutual TLS.
    type: bool
    default: false
  region:
    description: The region of the domain name and of the bucket. By default the one that the SDK knows.
    type: str
extends_documentation_fragment:
  - certops.clm.trust
  - certops.clm.trust.bucket
  - certops.clm.aws
  - certops.clm.aws.access
  - certops.clm.trust.unknown
  - certops.clm.attributes
seealso:
  - module: certops.clm.aws_api_domain_deployment
"""

EXAMPLES = r"""
- name: Clients of two CAs
  certops.clm.aws_api_trust_store:
    domain_name: api.example.com
    api: http
    region: eu-central-1
    bucket: example-trust
    anchors: [/srv/clm/ca/root.pem, /etc/pki/partner-root.pem]
  delegate_to: localhost

- name: Mutual TLS is turned on
  certops.clm.aws_api_trust_store:
    domain_name: partners.example.com
    region: eu-central-1
    bucket: example-trust
    anchors: [/etc/pki/partner-root.pem]
    enable_mutual_tls: true
  delegate_to: localhost

- name: A rotation of trust begins, before anything is issued below the new root
  certops.clm.aws_api_trust_store:
    domain_name: api.example.com
    api: http
    region: eu-central-1
    bucket: example-trust
    state: added
    anchors: [/srv/clm/ca-2027/root.pem]
  delegate_to: localhost
"""

RETURN = r"""
outcomes:
  description:
    - What came of the trust store, by its domain name, with C(state), C(step), C(before), C(after), C(message) and C(next_action).
    - C(before) and C(after) have C(anchors), each with C(sha256), C(subject), C(not_before) and C(not_after).
  returned: always
  type: dict
remarks:
  description: Which anchors end within 30 days or are not valid yet, and the warnings of API Gateway.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._edge_trust import run_trust, trust_spec
from ansible_collections.certops.clm.plugins.module_utils.flows.trust import DOUBT_OPTIONS, REQUIRED_IF
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import aws_api_trust_store


def main() -> None:
    """Run the module."""
    spec = trust_spec(aws_api_trust_store.OPTIONS, DOUBT_OPTIONS)
    run_trust(AnsibleModule(argument_spec=spec, required_if=REQUIRED_IF, supports_check_mode=True), aws_api_trust_store.create)


if __name__ == "__main__":
    main()
