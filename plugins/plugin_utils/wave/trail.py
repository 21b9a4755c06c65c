# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes on their way through a wave: one for each host, handed from step to step as plain data."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.outcome import (
    CHANGED,
    DEFERRED,
    FAILED,
    PENDING,
    PLANNED,
    POSITIVE,
    ROLLED_BACK,
    STATES,
    UNPROVEN,
    Outcome,
    failed,
)
from ansible_collections.certops.clm.plugins.module_utils.runbooks import name_of, path_of
from ansible_collections.certops.clm.plugins.plugin_utils.answers import TRY, bare, gave_none, said

OutcomeDict = Dict[str, Any]
RUN_AGAIN = "Mend that, then run certops.clm.rotate again: it takes up what is left and issues nothing twice."


def positive(outcome: Mapping[str, Any]) -> bool:
    """True when the step left nothing to worry about."""
    return outcome.get("state") in POSITIVE


def complete(hosts: Iterable[str], outcomes: Mapping[str, Any], step: str) -> Dict[str, OutcomeDict]:
    """One outcome for each host; a host that got none, or something else, has failed at step."""
    return {host: _outcome(outcomes.get(host)) or missing(step) for host in hosts}


def red(outcomes: Mapping[str, OutcomeDict]) -> Dict[str, OutcomeDict]:
    """Those that have gone wrong; what comes after cannot make them good, and must not hide why."""
    return {host: outcome for host, outcome in outcomes.items() if outcome["state"] in (FAILED, UNPROVEN, ROLLED_BACK)}


def diff_of(outcomes: Mapping[str, OutcomeDict]) -> Dict[str, Any]:
    """What `--diff` shows of the items that changed, or would change."""
    moved = {host: outcome for host, outcome in outcomes.items() if outcome["state"] in CHANGED or outcome["state"] == PLANNED}
    return {side: {host: shown(outcome[side]) for host, outcome in moved.items()} for side in ("before", "after")}


def shown(facts: Any) -> Dict[str, Any]:
    """What `--diff` shows of one side: fingerprints, names and dates."""
    return {key: value for key, value in facts.items() if key != "swapped"} if isinstance(facts, Mapping) else {}


def _outcome(value: Any) -> Optional[OutcomeDict]:
    """The outcome with all its fields, of the right types; None when it is none. A server may say anything."""
    if not isinstance(value, Mapping) or value.get("state") not in STATES or not isinstance(value.get("step"), str):
        return None
    whole = Outcome(value["state"], value["step"]).as_dict()
    for name, default in whole.items():
        if isinstance(value.get(name), dict if name == "reason" else type(default)):
            whole[name] = value[name]
    return whole


def missing(step: str, detail: str = "") -> OutcomeDict:
    """The outcome of an item that a step said nothing about: never taken for success."""
    message = f"The step {step} left no outcome" + (f": {detail}" if detail else ".")
    return Outcome(FAILED, step, message=message, next_action=RUN_AGAIN).as_dict()


def everything_failed(hosts: Iterable[str], step: str, message: str, next_action: str = "", runbook: str = "") -> Dict[str, OutcomeDict]:
    """The same failure for every host of the wave; `runbook` names its page where the error did."""
    error = ClmError(message, hint=next_action or RUN_AGAIN, runbook=runbook)
    outcome = failed(step, error).as_dict()
    return {host: dict(outcome) for host in hosts}


def from_servers(results: Mapping[str, Any], ids_of_lead: Mapping[str, List[str]], step: str) -> Dict[str, OutcomeDict]:
    """The outcomes that each server's run left for its items, where leads ran and how that went."""
    outcomes: Dict[str, OutcomeDict] = {}
    for lead, ids in ids_of_lead.items():
        result = results.get(lead)
        given = result.get("outcomes") if isinstance(result, Mapping) else None
        for item in ids:
            outcome = _outcome(given.get(item)) if isinstance(given, Mapping) else None
            if outcome is None or outcome["state"] in (PENDING, DEFERRED):  # a server has nothing to wait for
                outcome = {**missing(step, why_not(result)), "runbook_page": _named_page(result)}
                outcome.update({"next_action": f"{TRY}. {RUN_AGAIN}"} if gave_none(result) else {})
            outcomes[item] = outcome
    return outcomes


def _named_page(result: Any) -> str:
    """The page that a server's run named where it ended as a whole: only one of ours."""
    page = str(result.get("runbook_page") or "") if isinstance(result, Mapping) else ""
    return page if name_of(page) else path_of("deploy")


def why_not(result: Any) -> str:
    """What Ansible said when a server's run left no outcomes."""
    if not isinstance(result, Mapping) or not result:
        return "the task did not run."
    text = bare(said(result)) or "no message"
    return f"the server could not be reached ({text})." if result.get("unreachable") else text
