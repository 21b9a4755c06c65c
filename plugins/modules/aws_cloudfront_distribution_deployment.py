#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys certificates to CloudFront distributions."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_cloudfront_distribution_deployment
short_description: Deploy certificates to CloudFront distributions
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Imports a version from the secret store into ACM, in V(us-east-1), where CloudFront takes them from,
    and binds it to the distribution. Nothing else of it is touched.
  - Each version has an ARN of its own, found again by its tags, and one import serves all places of an account and region. What
    was bound before stays in ACM, so the way back needs no key.
  - A change is made against the ETag that was read with the configuration. What somebody else changed meanwhile is read again and kept.
  - Proven is what every address of every endpoint shows to new connections, several times in a row. Served, then the outcome is
    V(done). Not served, then what was there before is put back, and the outcome is V(rolled_back). Could not look, then it is
    V(unproven), and nothing is put back.
  - A wrong deployment fails alone. What AWS would refuse is refused before any write.
options:
  deployments:
    description: The places, each with what it is to serve. All of one kind belong into one task, for they share its listings.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: What the outcome of this deployment is called.
        type: str
        required: true
      lineage:
        description: The lineage in the secret store. By default the O(deployments[].id).
        type: str
      version:
        description: The id of the version. By default the current one. An earlier one is the way back.
        type: str
      endpoints:
        description: At least one dictionary of C(host), C(port), C(server_name), C(starttls) and C(addresses), where it is proven.
        type: list
        elements: dict
        required: true
      dead:
        description: SHA-256 of certificates that are never put back.
        type: list
        elements: str
        default: []
      owner:
        description: Who answers for it. Kept as a tag of the certificate in ACM.
        type: str
      service:
        description: The service that it belongs to. Kept as a tag of the certificate in ACM.
        type: str
      environment:
        description: The environment, as V(prod) or V(test). Kept as a tag of the certificate in ACM.
        type: str
      criticality:
        description: How bad its failure would be. Kept as a tag of the certificate in ACM.
        type: str
      runbook:
        description: Where it is written what to do. Kept as a tag of the certificate in ACM.
        type: str
      distribution_id:
        description: The id of the distribution.
        type: str
        required: true
      profile:
        description: The profile of the SDK's configuration whose credentials are used. By default the SDK finds them as it always does.
        type: str
      role_arn:
        description: A role to assume for this place, as in another account. Its credentials are renewed while the task runs.
        type: str
      external_id:
        description: The external id that the role asks for.
        type: str
extends_documentation_fragment:
  - certops.clm.deploy
  - certops.clm.aws
  - certops.clm.attributes
seealso:
  - module: certops.clm.aws_elbv2_listener_deployment
  - module: certops.clm.aws_certificates_info
"""

EXAMPLES = r"""
- name: The current version of a lineage on a distribution, which takes minutes to be everywhere
  certops.clm.aws_cloudfront_distribution_deployment:
    secret_store: {type: directory, path: /srv/clm/store}
    proof: {timeout: 900, interval: 5}
    deployments:
      - id: shop
        distribution_id: EDFDVBD6EXAMPLE
        endpoints:
          - {host: shop.example.com}
  delegate_to: localhost
"""

RETURN = r"""
outcomes:
  description:
    - What came of each deployment, by its id, with C(state), C(step), C(reason), C(before), C(after), C(message) and C(next_action).
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._edge_deploy import run_deployments
from ansible_collections.certops.clm.plugins.module_utils.flows.deployments import deployment_spec
from ansible_collections.certops.clm.plugins.module_utils.targets import aws_cloudfront_distribution


def main() -> None:
    """Run the module."""
    spec = deployment_spec(aws_cloudfront_distribution.OPTIONS)
    run_deployments(AnsibleModule(argument_spec=spec, supports_check_mode=True), aws_cloudfront_distribution.create)


if __name__ == "__main__":
    main()
