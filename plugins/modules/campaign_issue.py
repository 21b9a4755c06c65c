#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues the lineages that have no deployment. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: campaign_issue
version_added: "0.1.0"
short_description: Issue the certificates that are kept in the secret store only
description:
  - Renews lineages of the manifest that have no deployment. No wave works on them, so the new version becomes the current
    one in the secret store at once.
  - Runs on the controller, after M(certops.clm.campaign_start) said which of them are due. What is due for no reason any more
    is left as it is.
  - Every outcome is in the ledger and in the report.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  lineages:
    description: The lineages. One that has a deployment is refused, since a wave renews it.
    type: list
    elements: str
    required: true
  run_id:
    description: The id of the run that all its ledger events carry.
    type: str
    required: true
  published:
    description:
      - The RV(ignore:results) of a loop of M(certops.clm.http_01_webroot) over RV(publish) of an earlier call, whose RV(unproven) are
        then the O(lineages).
    type: list
    elements: dict
    default: []
author: certops.clm authors (@certops)
requirements:
  - cryptography >= 46
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.campaign_start
  - module: certops.clm.certificate
"""

EXAMPLES = r"""
- name: Issue the lineages that have no deployment
  certops.clm.campaign_issue:
    manifest: "{{ clm_manifest_file }}"
    lineages: "{{ clm_campaign.to_issue }}"
    run_id: "{{ clm_campaign.run_id }}"
  register: clm_kept
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each lineage, by its name. Also there when the task fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) is V(unchanged), V(planned) in check mode, V(done), V(pending) or V(failed). What waits for an issuer has
      failed when what is kept holds no longer than 12 hours or a quarter of its life.
  type: dict
  returned: always
lines:
  description: One line for a person for each lineage.
  type: list
  elements: str
  returned: always
publish:
  description: The proofs to publish, each a dict of C(host), C(root) and C(files) for M(certops.clm.http_01_webroot).
  type: list
  elements: dict
  returned: when a CA waits for proofs on web servers, or a run that was killed may have left some
withdraw:
  description: The same with all that is to be withdrawn in the end, whatever came of it.
  type: list
  elements: dict
  returned: when RV(publish) is
unproven:
  description: The lineages that wait for them.
  type: list
  elements: str
  returned: when RV(publish) is
report:
  description: The paths of the files of the report by name. Empty in check mode.
  type: dict
  returned: always
"""
