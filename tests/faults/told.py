# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""I8: what a run said. Red with which certificate, which step and what next, or green and true."""

from __future__ import annotations

import re
from typing import Any, Dict, List

from ansible_collections.certops.clm.tests.lab.playbook import Run

from .invariants import Broken, Look, events

RAW = re.compile(r"\b(?:Key|Attribute|Type|Index|Name|UnboundLocal|Assertion|Recursion|Value|Unicode\w*)Error\b")  # whose words are no help
ENOUGH = 20  # characters of a message that says something
NAMED = ("api", "ledger", "store", "observations", "web1")
LONGEST = 400


def told(run: Run) -> Dict[str, Any]:
    """What the first red result said, by whom; `broken` says what it lacks."""
    red = [event for event in run.events if event.get("status") in ("failed", "unreachable") and not event.get("ignored")]
    verdicts = [event for event in red if event["task"].endswith("Verdict")]
    first = (verdicts or red or [{}])[0]
    result = first.get("result", {})
    said = " ".join(str(result.get("msg", "")).split())
    outcome = result.get("outcome") or {}
    answer: Dict[str, Any] = {"task": first.get("task", ""), "said": said[:LONGEST], "state": outcome.get("state", ""),
                              "step": outcome.get("step", ""), "next_action": str(outcome.get("next_action", ""))[:LONGEST]}  # fmt: skip
    answer["broken"] = _lacks(run, first, said, outcome) if run.rc else []
    return answer


def _lacks(run: Run, first: Dict[str, Any], said: str, outcome: Dict[str, Any]) -> Broken:
    broken: Broken = []
    if not first:
        return [f"I8: exit {run.rc} and no red result: {run.output[-LONGEST:]}"]
    if len(said) < ENOUGH or not any(name in said for name in NAMED):
        broken.append(f"I8: it does not say what failed: {said[:LONGEST]!r}")
    if RAW.search(said):
        broken.append(f"I8: it says what Python said: {said[:LONGEST]!r}")
    if first["task"].endswith("Verdict"):
        broken += [f"I8: the verdict has no {name}: {said[:LONGEST]}" for name in ("step", "next_action") if not outcome.get(name)]
    return broken


def green(run: Run, after: Look, before: Look) -> Broken:
    """A run that ended with 0 has done it: something new is served and recorded."""
    broken: Broken = []
    if after.served == before.served and _put_off(run):
        return broken
    if after.served == before.served:
        broken.append("I8: exit 0, and the old one is still served")
    recorded: List[str] = [
        str(event.get("sha256")) for data in after.chains.values() for event in events(data) if event.get("step") == "prove"
    ]
    if after.served not in recorded:
        broken.append("I8: exit 0, and what is served is not recorded")
    return broken


def _put_off(run: Run) -> bool:
    """The verdict says that it is deferred, why, and what is next."""
    outcomes = [event["result"].get("outcome") or {} for event in run.events if event.get("task", "").endswith("Verdict")]
    waiting = [one for one in outcomes if one.get("state") in ("deferred", "pending")]
    return bool(waiting) and all(len(str(one.get("message", ""))) >= ENOUGH and one.get("next_action") for one in waiting)
