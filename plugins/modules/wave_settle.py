#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what stays and what goes back. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_settle
version_added: "0.1.0"
short_description: Decide what stays and what goes back
description:
  - Commits what was proven and passed the gate, and puts back what this wave changed and what was then seen to be wrong.
  - Acts itself on targets behind an API. For servers it returns what their leads have to do.
  - The task never fails. Every host of the wave gets an outcome, also when everything went wrong, and
    M(certops.clm.wave_verdict) turns that host red.
options:
  gates:
    description: By host, the value of the fact C(clm_gate). Only V(passed) passes.
    type: dict
    default: {}
  answers:
    description: By host, what M(certops.clm.wave_gate) was told. Where the plan has gates, a host without an answer is not passed.
    type: dict
    default: {}
  gated:
    description: Whether there is a tasks file that sets C(clm_gate).
    type: bool
    default: false

author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.wave.plan
  - certops.clm.wave.versions
  - certops.clm.wave.outcomes
  - certops.clm.wave.proof
  - certops.clm.attributes
seealso:
  - module: certops.clm.wave_verdict
"""

EXAMPLES = r"""
- name: Settle what stays and what goes back
  certops.clm.wave_settle:
    plan: rotate_plan.plan
    versions: rotate_issued.versions
    outcomes: rotate_judged.outcomes
    answers: rotate_gated.answers
  register: rotate_settled
  run_once: true
  ignore_errors: true
  ignore_unreachable: true
"""

RETURN = r"""
outcomes:
  description: One outcome for each host of the wave, by host name.
  type: dict
  returned: always
commit:
  description: By lead, the items whose transaction ends well, as JSON text.
  type: dict
  returned: success
restore:
  description: By lead, the items that get back what they served before, as JSON text.
  type: dict
  returned: success
"""
