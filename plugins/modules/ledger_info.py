#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies a ledger."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_info
short_description: Verify a ledger and say what is in it
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Reads every chain of a ledger from its first line to its last, offline, and names the first bad line.
  - A line that was edited, removed, added or moved is found, and so is a tail that was cut after the chain was closed.
  - Fails when a chain is broken, unless O(fail_when_broken=false).
options:
  path:
    description: The folder of the ledger.
    type: path
    required: true
  fail_when_broken:
    description: Whether a broken chain fails the task. With V(false) it is only said in RV(verified) and RV(chains).
    type: bool
    default: true
extends_documentation_fragment:
  - certops.clm.attributes.info
notes:
  - Somebody who can write the folder can also write it anew from the first line. Keep RV(chains[].head) of each run somewhere else, and
    compare.
seealso:
  - module: certops.clm.report
"""

EXAMPLES = r"""
- name: Verify the ledger
  certops.clm.ledger_info:
    path: /srv/pki/ledger

- name: Say what is wrong with it and go on
  certops.clm.ledger_info:
    path: /srv/pki/ledger
    fail_when_broken: false
  register: ledger
"""

RETURN = r"""
verified:
  description: Whether every chain is whole.
  type: bool
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
      description: The number of the first bad line, from 1, and null when there is none.
      type: int
    problem:
      description: What is wrong with it.
      type: str
    head:
      description: The SHA-256 of the last line that is whole.
      type: str
  sample:
    - writer_id: control-5b0c1f0e
      events: 128
      first_bad_line:
      problem: ""
      head: 9f6f7a0a3f0d9d1a6a0f4b4a2a1e6e4e7c3f1f0b8e8d7c6b5a4938270f1e2d3c
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
"""

from typing import Any, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._ledger_summary import summary
from ansible_collections.certops.clm.plugins.module_utils.edge import run_raw

OPTIONS: Dict[str, Any] = {"path": {"type": "path", "required": True}, "fail_when_broken": {"type": "bool", "default": True}}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run_raw(module, verified)


def verified(params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The facts, and a failure that names the first bad line of each broken chain."""
    facts = {"changed": False, **summary(params["path"])}
    if not facts["verified"] and params["fail_when_broken"]:
        bad = [f"{one['writer_id']} line {one['first_bad_line']}: {one['problem']}" for one in facts["chains"] if one["problem"]]
        facts.update(failed=True, msg=f"the ledger {params['path']} is broken: {'; '.join(bad)}")
    return facts


if __name__ == "__main__":
    main()
