# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger says in numbers, once it is judged: how many of what, and which acts were begun and never ended."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, Hashable, Iterable, List, Mapping, Sequence

from ._ledger_judge import BROKEN, judge, state_of
from .ledger import read

MOST_OPEN = 1000
SHOWN = ("action", "step", "run_id", "request_id", "lineage", "version", "deployment", "server", "time", "writer_id", "seq")


def summary(folder: str, checkpoints: Sequence[str] = (), vkeys: Sequence[str] = ()) -> Dict[str, Any]:
    """State and numbers; the numbers are of no event when the ledger is broken: what it says is then worth nothing."""
    judged = judge(folder, checkpoints, vkeys)
    state = state_of(judged)
    return {
        "state": state,
        "events": sum(one.chain.events for one in judged),
        "anchored": sum(one.anchored for one in judged),
        "chains": [one.as_dict() for one in judged],
        **numbers(read(folder) if state != BROKEN else ()),
    }


def numbers(events: Iterable[Mapping[str, Any]]) -> Dict[str, Any]:
    """Counts by action and by outcome state, and the intents that no later outcome answers (at most MOST_OPEN of them)."""
    actions: Counter[str] = Counter()
    states: Counter[str] = Counter()
    begun: Dict[Hashable, Mapping[str, Any]] = {}
    for event in events:
        action = str(event.get("action", ""))
        actions[action] += 1
        if action == "intent":
            begun[_act(event)] = event
        elif action == "outcome":
            states[str(event.get("state", ""))] += 1
            begun.pop(_act(event), None)
    still: List[Dict[str, Any]] = [{name: event[name] for name in SHOWN if name in event} for event in list(begun.values())[:MOST_OPEN]]
    return {"actions": dict(actions), "states": dict(states), "open_intents": still, "open_intents_count": len(begun)}


def _act(event: Mapping[str, Any]) -> Hashable:
    """What an intent and its outcome have in common: a deployment in a run, or a request, or a version in a run."""
    if event.get("deployment"):
        return "deployment", str(event.get("run_id")), str(event["deployment"])
    if event.get("request_id") and event.get("step", "issue") == "issue":
        return "request", str(event["request_id"])
    return "version", str(event.get("run_id")), str(event.get("lineage")), str(event.get("version"))
