#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes trust stores of application and network load balancers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_elbv2_trust_store
short_description: Anchors and revocation lists of AWS load balancers
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes a trust store of Elastic Load Balancing, by which listeners verify the certificates of their clients, and says which anchors and
    which revocation lists it holds. Which listener verifies by it is left alone.
  - What is in force is read from the load balancers' own copy, and read again after a write. The anchors are written first, then the
    revocation lists.
  - A trust store that is not there yet is made, unless O(state=removed).
options:
  name:
    description: The name of the trust store, one to 32 letters and digits with single hyphens between them.
    type: str
    required: true
  region:
    description: The region of the trust store. By default the one that the SDK knows.
    type: str
extends_documentation_fragment:
  - certops.clm.trust
  - certops.clm.trust.bucket
  - certops.clm.aws
  - certops.clm.aws.access
  - certops.clm.trust.lists
  - certops.clm.attributes
seealso:
  - module: certops.clm.aws_elbv2_listener_deployment
"""

EXAMPLES = r"""
- name: Clients of two CAs, and none that one of them has revoked
  certops.clm.aws_elbv2_trust_store:
    name: partners
    region: eu-central-1
    bucket: example-trust
    anchors: [/srv/clm/ca/root.pem, /etc/pki/partner-root.pem]
    revocation_lists: [/srv/clm/ca/crl.pem]
  delegate_to: localhost

- name: A rotation of trust begins, before anything is issued below the new root
  certops.clm.aws_elbv2_trust_store:
    name: partners
    region: eu-central-1
    bucket: example-trust
    state: added
    anchors: [/srv/clm/ca-2027/root.pem]
  delegate_to: localhost

- name: It ends, when no client has a certificate of the old root any more
  certops.clm.aws_elbv2_trust_store:
    name: partners
    region: eu-central-1
    bucket: example-trust
    state: removed
    sha256: [5f0d2f4a9d1c5b7ae3c1a0b44f6d7e8899aabbccddeeff00112233445566778f]
  delegate_to: localhost
"""

RETURN = r"""
outcomes:
  description:
    - What came of the trust store, by its name, with C(state), C(step), C(before), C(after), C(message) and C(next_action).
    - C(before) and C(after) have C(anchors), each with C(sha256), C(subject), C(not_before) and C(not_after),
      and C(revocation_lists), each with C(sha256), C(issuer), C(next_update) and C(revoked), where the task names some.
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
from ansible_collections.certops.clm.plugins.module_utils.flows.trust import LIST_OPTIONS, REQUIRED_IF
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import aws_elbv2_trust_store


def main() -> None:
    """Run the module."""
    spec = trust_spec(aws_elbv2_trust_store.OPTIONS, LIST_OPTIONS)
    run_trust(AnsibleModule(argument_spec=spec, required_if=REQUIRED_IF, supports_check_mode=True), aws_elbv2_trust_store.create)


if __name__ == "__main__":
    main()
