#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says by which trust store a listener of AWS verifies its clients."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_elbv2_mutual_tls
short_description: How AWS load balancers verify clients
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes a listener of an application or network load balancer verify its clients by a trust store, hand their certificates on unverified,
    or ask for none. Certificates, policies, rules and everything else of the listener stay as they are.
  - What the listener says is read first, and again after a write.
options:
  listener_arn:
    description: The ARN of the listener, which speaks HTTPS or TLS.
    type: str
    required: true
  mode:
    description:
      - V(verify) refuses every client whose certificate does not lead to an anchor of the O(trust_store), or that has none.
      - V(passthrough) asks for a certificate and hands it to the targets, which have to verify it. Network load balancers do not have it.
      - V(off) asks for none.
    type: str
    choices: ["off", passthrough, verify]
    required: true
  trust_store:
    description:
      - The name of the trust store with O(mode=verify), in the account and region of the listener, or the ARN of one that another account
        shares.
      - It has to be in force.
    type: str
extends_documentation_fragment:
  - certops.clm.trust.mutual
  - certops.clm.aws
  - certops.clm.aws.access
  - certops.clm.attributes
seealso:
  - module: certops.clm.aws_elbv2_trust_store
  - module: certops.clm.aws_elbv2_listener_deployment
"""

EXAMPLES = r"""
- name: Only partners are let in
  certops.clm.aws_elbv2_mutual_tls:
    listener_arn: arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2
    mode: verify
    trust_store: partners
  delegate_to: localhost

- name: Everybody is let in again
  certops.clm.aws_elbv2_mutual_tls:
    listener_arn: arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2
    mode: "off"
  delegate_to: localhost
"""

RETURN = r"""
outcomes:
  description:
    - What came of the listener, by its ARN, with C(state), C(step), C(before), C(after), C(message) and C(next_action).
    - C(before) and C(after) have C(mode), C(trust_store) as an ARN, C(ignore_client_certificate_expiry) and
      C(advertise_trust_store_ca_names).
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._edge_trust import run_verifying
from ansible_collections.certops.clm.plugins.module_utils.verifiers import aws_elbv2_mutual_tls


def main() -> None:
    """Run the module."""
    run_verifying(AnsibleModule(argument_spec=aws_elbv2_mutual_tls.OPTIONS, supports_check_mode=True), aws_elbv2_mutual_tls.create)


if __name__ == "__main__":
    main()
