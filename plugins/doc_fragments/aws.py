# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that call AWS have in common; `module_utils/aws.py` has the options of one account as a spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
requirements:
  - boto3 >= 1.40
notes:
  - The policy that its role needs is in R(Least privilege in AWS,ansible_collections.certops.clm.docsite.guide_aws_policies).
  - It was tested on an emulator and never on AWS itself.
"""

    ACCESS = r"""
options:
  profile:
    description: The profile of the SDK's configuration whose credentials are used. By default the SDK finds them as it always does.
    type: str
  role_arn:
    description: A role to assume, as in another account. Its credentials are renewed while the task runs.
    type: str
  external_id:
    description: The external id that the role asks for.
    type: str
"""
