# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the steps of a wave share."""

from __future__ import annotations


class ModuleDocFragment:
    PLAN = r"""
options:
  plan:
    description:
      - What M(certops.clm.wave_plan) returned as RV(certops.clm.wave_plan#module:plan).
      - A text in its place, or in that of any other option which takes what a task returned, is the name under which that task
        registered it, as V(rotate_plan.plan). What is there is read as it is, without a template, which costs far less.
    type: dict
    required: true
"""

    VERSIONS = r"""
options:
  versions:
    description: The version of each lineage to deploy, as M(certops.clm.wave_issue) returned it.
    type: dict
    default: {}
"""

    OUTCOMES = r"""
options:
  outcomes:
    description: What the step before said of each host.
    type: dict
    default: {}
"""

    PROOF = r"""
options:
  proof:
    description:
      - How a target behind an API is proven, with C(timeout) in seconds (30), C(consecutive) good looks in a row (3) and C(interval)
        in seconds between them (0.2).
    type: dict
    default: {}
"""
