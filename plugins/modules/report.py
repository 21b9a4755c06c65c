#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
version_added: "0.1.0"
short_description: Write the report of what is due, what moved and what failed
description:
  - Writes one self-contained HTML page, with JSON and CSV of the same data beside it, from the manifest, the last
    observations, the secret store and the ledger. Nothing is looked at anew.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  folder:
    description: Where to write. By default the folder that the manifest names under C(report).
    type: path
  run_id:
    description: The run whose outcomes are shown. By default the last one in the ledger.
    type: str
    default: ""
  not_seen:
    description:
      - What the look behind this report did not see, as RV(certops.clm.look_judge#module:not_seen). The report says it first.
      - What the observations and the run itself say that they did not see is in the report anyway.
    type: list
    elements: str
    default: []
  ignore_windows:
    description:
      - Why no change window and no freeze counts, in words. What is due then does not wait for one. Empty if they do.
      - The report of a run that was started with such a reason needs no other, when O(run_id) names it.
    type: str
    default: ""
  title:
    description: The line above the headline.
    type: str
    default: Certificates
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.ledger_info
"""

EXAMPLES = r"""
- name: Write the report
  certops.clm.report:
    manifest: /etc/clm/manifest.yml
"""

RETURN = r"""
files:
  description: The paths of the files by name.
  type: dict
  returned: success
headline:
  description: The report's headline.
  type: str
  returned: success
part:
  description: A sentence that says what the look or the run was limited to. Empty when it was of everything.
  type: str
  returned: success
not_seen:
  description: Everything that the report says was not seen.
  type: list
  elements: str
  returned: success
"""
