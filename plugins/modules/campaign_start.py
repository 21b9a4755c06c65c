#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begins a rotation. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: campaign_start
version_added: "0.1.0"
short_description: Begin a rotation
description:
  - Runs on the controller before the first wave. Fails when the run would be blind, says what is due, and computes the
    sizes of the waves from the order in which the inventory lists C(clm_due).
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  due:
    description: The deployments that are due, in the order of the inventory.
    type: list
    elements: str
    default: []
  canaries:
    description: The deployments that go first for their lineages.
    type: list
    elements: str
    default: []
  servers:
    description: The hosts that the inventory has.
    type: list
    elements: str
    default: []
  waves:
    description:
      - Sizes of the waves after the canaries. A number, a share such as V(10%) of what is due, or V(rest).
      - No wave is wider than 500, or holds more than a third of the deployments of one service.
    type: list
    elements: str
    default: ["10%", "rest"]
  run_id:
    description: The id of the run. By default a new one.
    type: str
    default: ""
  partial:
    description: Whether O(due) is meant to be a part of what is due, as for a rollback. Otherwise anything left out stops the run.
    type: bool
    default: false
  allow_blind:
    description:
      - Servers and endpoints that nobody could look at and that do not stop the run. V(all) allows every one of them.
    type: list
    elements: str
    default: []
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.wave_plan
"""

EXAMPLES = r"""
- name: Begin the rotation
  certops.clm.campaign_start:
    manifest: "{{ clm_manifest_file }}"
    due: "{{ groups['clm_due'] | default([]) }}"
    canaries: "{{ groups['clm_canary'] | default([]) }}"
    servers: "{{ groups['all'] }}"
  register: clm_campaign
"""

RETURN = r"""
run_id:
  description: The id of the run.
  type: str
  returned: success
canary_sizes:
  description: The sizes of the waves of canaries, for C(serial).
  type: list
  elements: int
  returned: success
wave_sizes:
  description: The sizes of the waves after them, for C(serial).
  type: list
  elements: int
  returned: success
summary:
  description: How many deployments were seen, are managed and are due, and when the next one falls due.
  type: dict
  returned: success
"""
