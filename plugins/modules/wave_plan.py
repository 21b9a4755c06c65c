#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans one wave. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_plan
version_added: "0.1.0"
short_description: Plan one wave of a rotation
description:
  - Freezes the list of hosts of the wave, says for each of them why its certificate is to be issued or deployed, which
    server it lies on and which host leads that server, and refuses what cannot be done before anything is written.
  - The task never fails. Every host of the wave gets an outcome, also when everything went wrong, and
    M(certops.clm.wave_verdict) turns that host red.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  hosts:
    description: The deployments of this wave, by their inventory names.
    type: list
    elements: str
    required: true
  run_id:
    description: The id of the run that all its ledger events carry.
    type: str
    required: true
  issue:
    description: Whether new certificates may be issued. If V(false), only versions that exist are deployed.
    type: bool
    default: true
  going_back:
    description:
      - What M(certops.clm.lineage_version) plans, by lineage. In check mode the wave is planned as though that were done.
    type: dict
    default: {}
  ignore_windows:
    description:
      - Why no change window and no freeze counts. Empty if they do. Then what is outside of its window when its wave comes, and
        can wait, is V(deferred).
    type: str
    default: ""
  gate:
    description:
      - The tasks file of the gate, relative to where C(ansible-playbook) was started. Empty is none.
      - A file that Ansible cannot load, or that ends the play, is refused before anything is written.
    type: path
    default: ""
  gates:
    description:
      - What M(certops.clm.wave_gate) asks. Each entry has one of C(command), C(url) and C(prometheus), as the role
        P(certops.clm.rotate#role) describes them.
      - One that cannot be asked as it is written is refused before anything is written.
    type: list
    elements: dict
    default: []

  shut:
    description: Why the ledger could not be written when the run began, empty if it could.
    type: str
    default: ""
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
attributes:
  diff_mode:
    support: none
    details:
      - It never reports a change.
seealso:
  - module: certops.clm.wave_verdict
"""

EXAMPLES = r"""
- name: Plan the wave
  certops.clm.wave_plan:
    manifest: "{{ clm_manifest_file }}"
    hosts: "{{ ansible_play_batch }}"
    run_id: "{{ hostvars['localhost'].clm_run_id }}"
  register: rotate_plan
  run_once: true
  ignore_errors: true
  ignore_unreachable: true
"""

RETURN = r"""
outcomes:
  description: One outcome for each host of the wave, by host name.
  type: dict
  returned: always
plan:
  description:
    - What the other steps of the wave take as O(certops.clm.wave_issue#module:plan).
    - Its C(items) and C(lineages) are JSON texts, since Ansible would copy and template each of their values at every step.
  type: dict
  returned: success
gate:
  description: The absolute path of the tasks file of the gate, empty when there is none.
  type: str
  returned: success
leads:
  description:
    - The hosts that work the tasks between plan and verdict. One for each server, by which that server is reached, and the
      first host where there is no server. All hosts of the wave where the gate has tasks of its own.
  type: list
  elements: str
  returned: success
requests:
  description: By the host that leads a server, the items whose keys are made on that server, as JSON text.
  type: dict
  returned: success
"""
