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
  - Never changes a certificate. Outside check mode it adds one event to the ledger and writes the report.
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
      - Sizes of the waves after the canaries. A number, a share such as V(10%) of what is due in one environment, or V(rest).
      - No wave mixes environments. Each environment goes through the sizes from the first one on.
      - No wave is wider than 500, or holds more than a third of the deployments of one service.
    type: list
    elements: str
    default: ["10%", "rest"]
  run_id:
    description: The id of the run. By default a new one.
    type: str
    default: ""
  going_back:
    description:
      - What M(certops.clm.lineage_version) plans, by lineage. Empty is a rotation.
      - Everything is then judged as though that were done. Only the deployments of these lineages that would not serve
        what comes back are due, which RV(due) and RV(canaries) say in the place of O(due) and O(canaries).
    type: dict
    default: {}
  ignore_windows:
    description:
      - Why no change window and no freeze counts in this run. The ledger keeps it. Empty if they do.
      - The inventory must have been read with the same reason, in C(-e clm_ignore_windows='why').
    type: str
    default: ""
  looked:
    description:
      - What M(certops.clm.look_judge) returned. Sources that did not answer or found too little stop a rotation.
      - A rollback goes on without them, and says so in RV(not_seen).
    type: dict
    default: {}
  in_run:
    description:
      - The hosts that C(--limit) leaves, as C(ansible_play_hosts_all) of a play on all hosts and C(localhost). Only they are due then.
      - Not given, every host of O(servers) may be in the run.
    type: list
    elements: str
  allow_blind:
    description:
      - Servers, deployments and sources that nobody could look at and that do not stop the run. V(all) allows every one of them.
      - V(clock) lets a run begin though most servers' clocks are more than five minutes off the controller's.
      - The message, the ledger and the report say what the run went on without.
    type: list
    elements: str
    default: []
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
notes:
  - Under C(--limit), or in a slice (C(-e clm_slices=4), with C(-e clm_slice=1) where the inventory is to cut it), the run is partial.
    The message says so, how many of the managed deployments are in it and what is due and left out of it, and the ledger keeps it.
    A lineage without a deployment is then not issued, since it has no host that is in one part only.
  - A slice refuses a version that was proven nowhere, where its lineage has more than one deployment. Every slice would try it at once,
    so the canaries go first, in a run that is not sliced (C(--limit localhost,clm_canary,clm_servers)).
attributes:
  diff_mode:
    support: none
    details:
      - It never reports a change.
seealso:
  - module: certops.clm.campaign_issue
  - module: certops.clm.lineage_version
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
due:
  description: The deployments that are due, in the order of the rollout.
  type: list
  elements: str
  returned: success
canaries:
  description: Those of them that go first.
  type: list
  elements: str
  returned: success
to_issue:
  description: The lineages without a deployment that are due, for M(certops.clm.campaign_issue).
  type: list
  elements: str
  returned: success
tries:
  description:
    - For a rollback, the servers that made their keys themselves, each with the C(deployments) that would come back there.
    - Whether such a server still has the key is asked in check mode, before anything is written.
  type: list
  elements: dict
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
report:
  description: The paths of the files of the report by name. Empty in check mode.
  type: dict
  returned: success
summary:
  description:
    - How many were seen, are managed and are due, and when the next one falls due. A lineage without a deployment counts once.
  type: dict
  returned: success
not_seen:
  description: One sentence for every source that a rollback went on without. Empty for a rotation, which stops for them.
  type: list
  elements: str
  returned: success
shut:
  description:
    - Why the ledger cannot be written. Under the manifest's C(break_glass) only what has expired or is compromised is then worked on.
  type: str
  returned: when it cannot be written, and the manifest's ledger has C(break_glass)
"""
