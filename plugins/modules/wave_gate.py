#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the gates of a wave. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_gate
version_added: "0.1.0"
short_description: Ask the gates of one wave
description:
  - Asks commands, addresses and Prometheus, on the controller and once for the wave, whether what was deployed and proven may
    stay. The gates are those of O(certops.clm.wave_plan#module:gates).
  - Every gate is asked, and all of them have to pass. What cannot be asked, no data and NaN do not pass.
  - The task never fails. Every host of the wave gets an outcome, also when everything went wrong, and
    M(certops.clm.wave_verdict) turns that host red.
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.wave.plan
  - certops.clm.wave.outcomes
  - certops.clm.attributes
attributes:
  diff_mode:
    support: none
    details:
      - It never reports a change.
seealso:
  - module: certops.clm.wave_settle
"""

EXAMPLES = r"""
- name: Ask the gates
  certops.clm.wave_gate:
    plan: rotate_plan.plan
    outcomes: rotate_judged.outcomes
  register: rotate_gated
  run_once: true
  ignore_errors: true
  ignore_unreachable: true
"""

RETURN = r"""
outcomes:
  description: One outcome for each host of the wave, by host name, as they came.
  type: dict
  returned: always
answers:
  description:
    - By host that was changed and proven, whether the gates passed it, which gate measured what and what was wanted.
    - Empty when there is no gate, or nothing to ask about.
  type: dict
  returned: success
"""
