#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a ledger."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_info
short_description: Say whether a ledger is anchored, and what is in it
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Reads every chain of a ledger from its first line to its last, offline, and names the first bad line.
  - With O(checkpoints) it also compares each chain with the signed checkpoints of it. A ledger that was written anew from the first
    line, an edited line, a tail that was cut and a chain that was removed are then found.
  - A chain is V(anchored) when a checkpoint, whose signature is right, holds it as it is. It is V(unanchored) when there is no
    checkpoint of it or no key to check one with, whatever it looks like, and V(broken) when it was changed.
  - Fails when a chain is broken, unless O(fail_when_broken=false).
options:
  path:
    description: The folder of the ledger.
    type: path
    required: true
  checkpoints:
    description:
      - Folders with checkpoints, or single checkpoint files. Several places are stronger than one, because who can write to one of them
        could take newer checkpoints away from it and cut the chain to match.
    type: list
    elements: path
    default: []
  vkeys:
    description:
      - The public keys that are believed, as an auditor noted them when the chain began, in the form C(name+id+base64).
      - Without any, the ones are believed that lie in O(checkpoints). Who can change that folder could then exchange them.
    type: list
    elements: str
    default: []
  fail_when_broken:
    description: Whether a broken chain fails the task. With V(false) it is only said in RV(state) and RV(chains).
    type: bool
    default: true
extends_documentation_fragment:
  - certops.clm.attributes.info
seealso:
  - module: certops.clm.ledger_checkpoint
  - module: certops.clm.report
"""

EXAMPLES = r"""
- name: Compare the ledger with its signed checkpoints
  certops.clm.ledger_info:
    path: /srv/pki/ledger
    checkpoints: [/mnt/worm/checkpoints]
    vkeys:
      - certops.clm/control-5b0c1f0e+5ed6b3f1+AWM5ZTc2YjY1NDMyMTBmZWRjYmE5ODc2NTQzMjEwZmVk

- name: Say what is wrong with it and go on
  certops.clm.ledger_info:
    path: /srv/pki/ledger
    fail_when_broken: false
  register: ledger
"""

RETURN = r"""
state:
  description: The state of the worst chain, V(anchored), V(unanchored) or V(broken).
  type: str
  returned: always
  sample: anchored
anchored:
  description: How many lines checkpoints hold, in all chains. The others may still have been changed by who can write the ledger.
  type: int
  returned: always
events:
  description: How many lines are whole, in all chains.
  type: int
  returned: always
chains:
  description: One record for each writer, also when the task fails.
  type: list
  elements: dict
  returned: always
  contains:
    writer_id:
      description: Who wrote the chain.
      type: str
    events:
      description: How many lines are whole from the first one on.
      type: int
    first_bad_line:
      description: The number of the first line that is or may be bad, from 1, and null when there is none.
      type: int
    problem:
      description: What is wrong with it.
      type: str
    head:
      description: The SHA-256 of the last line that is whole.
      type: str
    torn:
      description:
        - Whether a crash left the beginning of a line behind the last whole one. Nobody was told that it is recorded, so nothing is
          missing. Its writer takes it away when it runs next.
      type: bool
    state:
      description: V(anchored), V(unanchored) or V(broken).
      type: str
    anchored:
      description: How many lines the newest checkpoint holds that agrees with the chain.
      type: int
    not_anchored:
      description: How many whole lines follow them.
      type: int
    checkpoint:
      description: The file of that checkpoint.
      type: str
    why:
      description: Why the chain is unanchored.
      type: str
  sample:
    - writer_id: control-5b0c1f0e
      events: 128
      first_bad_line:
      problem: ""
      head: 9f6f7a0a3f0d9d1a6a0f4b4a2a1e6e4e7c3f1f0b8e8d7c6b5a4938270f1e2d3c
      torn: false
      state: anchored
      anchored: 126
      not_anchored: 2
      checkpoint: /mnt/worm/checkpoints/control-5b0c1f0e.000000000126.checkpoint
      why: ""
actions:
  description: How many events there are of each action. Empty when a chain is broken.
  type: dict
  returned: always
  sample: {intent: 60, outcome: 60, campaign: 8}
states:
  description: How many outcomes there are of each state. Empty when a chain is broken.
  type: dict
  returned: always
  sample: {done: 58, rolled_back: 2}
open_intents:
  description: Acts that were begun and of which no outcome is recorded, at most 1,000. A run that was killed leaves them.
  type: list
  elements: dict
  returned: always
open_intents_count:
  description: How many there are.
  type: int
  returned: always
remarks:
  description: What somebody should look at, such as a chain whose last line is torn. Each is also printed as a warning.
  type: list
  elements: str
  returned: always
"""

from typing import Any, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._ledger_summary import summary
from ansible_collections.certops.clm.plugins.module_utils.edge import run_raw

TORN = "a crash left the beginning of a line there, which nobody was told is recorded; its writer takes it away when it runs next"
OPTIONS: Dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "checkpoints": {"type": "list", "elements": "path", "default": []},
    "vkeys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "fail_when_broken": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run_raw(module, judged)


def judged(params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The facts, and a failure that names the first bad line of each broken chain."""
    facts = {"changed": False, **summary(params["path"], params["checkpoints"], params["vkeys"])}
    if facts["state"] == "broken" and params["fail_when_broken"]:
        bad = [f"{_where(one)}: {one['problem']}" for one in facts["chains"] if one["problem"]]
        facts.update(failed=True, msg=f"the ledger {params['path']} is broken: {'; '.join(bad)}")
    torn = [f"{one['writer_id']} is torn behind line {one['events']}: {TORN}" for one in facts["chains"] if one["torn"]]
    return {**facts, "remarks": torn}


def _where(chain: Mapping[str, Any]) -> str:
    return f"{chain['writer_id']} line {chain['first_bad_line']}" if chain["first_bad_line"] else str(chain["writer_id"])


if __name__ == "__main__":
    main()
