#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records one wave. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_record
version_added: "0.1.0"
short_description: Record one wave and write the report
description:
  - Makes proven versions the current ones and marks rejected ones, writes the outcome of every deployment to the ledger,
    keeps what was seen served, and writes the report.
  - The task never fails. Every host of the wave gets an outcome, also when everything went wrong, and
    M(certops.clm.wave_verdict) turns that host red.
options:
  restored:
    description: By lead, what putting back returned.
    type: dict
    default: {}
  committed:
    description: By lead, what committing returned.
    type: dict
    default: {}
  asked:
    description: What M(certops.clm.wave_issue) returned when it was called first, where it named proofs to withdraw from web servers.
    type: dict
    default: {}
  withdrawn:
    description:
      - By lead, what M(certops.clm.http_01_webroot) returned in a loop over RV(certops.clm.wave_issue#module:withdraw) of O(asked).
      - A proof that could not be taken away makes no host red; the outcome of its host says where it still is.
    type: dict
    default: {}
  seen:
    description: By endpoint, what its server saw where the controller cannot look, as M(certops.clm.wave_judge) returned it.
    type: dict
    default: {}

author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.wave.plan
  - certops.clm.wave.versions
  - certops.clm.wave.outcomes
  - certops.clm.attributes
seealso:
  - module: certops.clm.wave_verdict
"""

EXAMPLES = r"""
- name: Record and report
  certops.clm.wave_record:
    plan: rotate_plan.plan
    versions: rotate_issued.versions
    outcomes: rotate_settled.outcomes
  register: rotate_recorded
  run_once: true
  ignore_errors: true
  ignore_unreachable: true
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each host of the wave, by host name.
    - Besides the keys of every outcome it has C(lineage), C(place), C(served_sha256) and C(served_until) of what was last seen
      served there (empty where nobody knows), and C(runbook), the lineage's own. Where something went wrong, C(runbook_page) is
      the page of this collection's documentation for it, and C(next_action) ends with a command line.
  type: dict
  returned: always
report:
  description: The paths of the report's files by name.
  type: dict
  returned: when the manifest names a folder for the report
checkpoint:
  description:
    - The signed checkpoint of the ledger, as M(certops.clm.ledger_checkpoint) returns it. A wave without a red host sends none, for
      it reads the whole ledger and the last play sends one for the run.
  type: dict
  returned: when the manifest's ledger has C(checkpoints), a host of the wave is red and so the run ends here
"""
