#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves what one wave deployed. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_prove
version_added: "0.1.0"
short_description: Prove what one wave deployed
description:
  - Opens new TLS connections to every address of every endpoint and judges the SHA-256, the name, and a path built only
    from what was served to the anchors of each client class that the lineage names.
  - Then keeps looking for O(soak) seconds.
  - What the controller could not look at is unproven here, and RV(ask) says what to ask its server for.
  - The task never fails. Every host of the wave gets an outcome, also when everything went wrong, and
    M(certops.clm.wave_verdict) turns that host red.
options:
  servers:
    description: By lead, what M(certops.clm.server_deployment) returned.
    type: dict
    default: {}
  timeout:
    description: Seconds after which an endpoint that does not show the new certificate counts as not serving it.
    type: float
    default: 30
  soak:
    description: Seconds for which what was proven is looked at again and again.
    type: float
    default: 0

author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.wave.plan
  - certops.clm.wave.versions
  - certops.clm.wave.outcomes
  - certops.clm.attributes
attributes:
  diff_mode:
    support: none
    details:
      - It never reports a change.
seealso:
  - module: certops.clm.wave_judge
  - module: certops.clm.wave_verdict
"""

EXAMPLES = r"""
- name: Prove what is served
  certops.clm.wave_prove:
    plan: rotate_plan.plan
    versions: rotate_issued.versions
    outcomes: rotate_deployed.outcomes
    soak: 60
  register: rotate_proved
  run_once: true
  ignore_errors: true
  ignore_unreachable: true
"""

RETURN = r"""
outcomes:
  description: One outcome for each host of the wave, by host name.
  type: dict
  returned: always
looks:
  description: How many looks the soak took.
  type: int
  returned: when the step did not break, and not in check mode
ask:
  description:
    - By lead, the endpoints that M(certops.clm.server_endpoint_info) is to look at from the server, because the controller
      could not. M(certops.clm.wave_judge) judges what comes of it.
  type: dict
  returned: when the step did not break, and not in check mode
"""
