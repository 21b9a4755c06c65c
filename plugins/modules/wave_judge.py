#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what servers saw of their endpoints. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_judge
version_added: "0.1.0"
short_description: Judge what only the servers of a wave can see
description:
  - Takes what M(certops.clm.server_endpoint_info) saw of the endpoints that the controller could not look at, and judges it
    as M(certops.clm.wave_prove) judges its own looks, by SHA-256, name, and a path built only from what was served.
  - An item whose server could not look either stays unproven, with what to mend.
  - The task never fails. Every host of the wave gets an outcome, also when everything went wrong, and
    M(certops.clm.wave_verdict) turns that host red.
options:
  asked:
    description: By lead, what its server was asked for, as M(certops.clm.wave_prove) returned it.
    type: dict
    default: {}
  looked:
    description: By lead, what M(certops.clm.server_endpoint_info) returned.
    type: dict
    default: {}

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
  - module: certops.clm.wave_prove
  - module: certops.clm.wave_verdict
"""

EXAMPLES = r"""
- name: Judge what only the servers can see
  certops.clm.wave_judge:
    plan: rotate_plan.plan
    versions: rotate_issued.versions
    outcomes: rotate_proved.outcomes
    asked: "{{ rotate_proved.ask }}"
    looked: "{{ rotate_proved.ask | certops.clm.registered(hostvars, 'rotate_looked') }}"
  register: rotate_judged
  run_once: true
  ignore_errors: true
  ignore_unreachable: true
"""

RETURN = r"""
outcomes:
  description: One outcome for each host of the wave, by host name.
  type: dict
  returned: always
seen:
  description: By endpoint, what its server saw there, for M(certops.clm.wave_record) to keep.
  type: dict
  returned: when servers were asked
"""
