# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last word on each deployment of a wave, and the ledger's events for it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, FAILED, PENDING, PLANNED, POSITIVE, ROLLED_BACK
from ansible_collections.certops.clm.plugins.module_utils.policy.patience import can_wait
from ansible_collections.certops.clm.plugins.plugin_utils.wave.break_glass import STEP as BREAK_GLASS
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import RUN_AGAIN, OutcomeDict, positive

TOLD = ("served_sha256", "served_until", "runbook_page")
LABELS = ("owner", "service", "environment", "criticality", "runbook", "consumers")
NO_TIME = "what is served holds no longer than 12 hours or a quarter of its life."


def with_restored(outcomes: Mapping[str, OutcomeDict], restored: Mapping[str, OutcomeDict]) -> Dict[str, OutcomeDict]:
    """The outcomes after putting back: rolled back where the old one is served again, else failed with both stories."""
    return {item: _restored(outcome, restored[item]) if item in restored else dict(outcome) for item, outcome in outcomes.items()}


def _restored(outcome: OutcomeDict, back: OutcomeDict) -> OutcomeDict:
    message = f"{outcome['message']} {back['message']}".strip()
    if positive(back):
        there = {name: back["after"].get(name) for name in ("sha256", "not_after")}
        return {
            **outcome,
            "state": ROLLED_BACK,
            "after": {**outcome["after"], **there},
            "message": message,
            "next_action": outcome["next_action"] or back["next_action"] or RUN_AGAIN,
        }
    return {**outcome, "state": FAILED, "step": "restore", "message": message, "next_action": back["next_action"] or RUN_AGAIN}


def with_committed(outcomes: Mapping[str, OutcomeDict], committed: Mapping[str, OutcomeDict]) -> Dict[str, OutcomeDict]:
    """The outcomes after committing: a server that says the version is not there any more fails its item."""
    after = {item: dict(outcome) for item, outcome in outcomes.items()}
    for item, end in committed.items():
        if positive(end):
            continue
        if end["step"] == "commit":
            after[item] = {**after[item], "state": FAILED, "step": "commit", "message": end["message"], "next_action": end["next_action"]}
        else:
            after[item]["message"] = (
                f"Served and proven. Its transaction on the server could not be ended ({end['message']}); the next deployment ends it."
            )
    return after


def judge_waiting(outcomes: Mapping[str, OutcomeDict], lives: Mapping[str, Any], now: datetime) -> Dict[str, OutcomeDict]:
    """What waits for an issuer becomes a failure once too little life is left in what is served.

    What waits for the ledger does not: the run's last play fails for it.
    lives has notBefore and notAfter of what each item serves; an item that serves nothing has no time to wait.
    """
    after = {}
    for item, outcome in outcomes.items():
        after[item] = dict(outcome)
        if outcome["state"] in (PENDING, DEFERRED) and outcome["step"] != BREAK_GLASS and not can_wait(lives.get(item), now):
            message = f"{outcome['message']} There is no time left to wait: {NO_TIME}"
            after[item].update(state=FAILED, message=message.strip())
    return after


def not_kept(outcomes: Mapping[str, OutcomeDict], plan: Mapping[str, Any], errors: Mapping[str, ClmError]) -> Dict[str, OutcomeDict]:
    """The outcomes where the store could not keep what became of a lineage's version: its own hosts have failed, no others."""
    after = {host: dict(outcome) for host, outcome in outcomes.items()}
    for host, outcome in after.items():
        error = errors.get(str(plan["items"].get(host, {}).get("lineage", "")))
        if error is not None and positive(outcome):
            message = f"Served and proven, but the secret store could not record it: {error.message}"
            outcome.update(state=FAILED, step="record", message=message, next_action=error.hint or RUN_AGAIN)
    return after


def ends_here(outcomes: Mapping[str, OutcomeDict]) -> bool:
    """True when a host becomes red: the run then ends with this wave, and its last play, which sends the checkpoint, is not reached."""
    return any(outcome["state"] not in POSITIVE | {PENDING, DEFERRED, PLANNED} for outcome in outcomes.values())


def events(
    plan: Mapping[str, Any], outcomes: Mapping[str, OutcomeDict], versions: Mapping[str, Any], kept: Mapping[str, str]
) -> List[Dict[str, Any]]:
    """One event for each deployment that was to change, and one for each version that was promoted or rejected."""
    found = [_event(plan, host, outcome, versions) for host, outcome in outcomes.items() if outcome["state"] != PLANNED]
    for lineage, act in kept.items():
        version = versions[lineage]
        found.append(
            {
                "action": act,
                "step": "settle",
                "run_id": plan["run_id"],
                "request_id": version.get("request_id", ""),
                "lineage": lineage,
                "version": version["version"],
                "sha256": version["sha256"],
                **plan["lineages"][lineage]["labels"],
            }
        )
    return found


def _event(plan: Mapping[str, Any], host: str, outcome: OutcomeDict, versions: Mapping[str, Any]) -> Dict[str, Any]:
    waiting = plan.get("waiting", {}).get(host)
    item = waiting or plan["items"].get(host, {})
    lineage = str(item.get("lineage", ""))
    version = {} if waiting else versions.get(lineage, {})
    labels = item["labels"] if waiting else plan["lineages"].get(lineage, {}).get("labels", {})
    event = {
        "action": "outcome",
        "step": outcome["step"],
        "run_id": plan["run_id"],
        "request_id": version.get("request_id", ""),
        "lineage": lineage,
        "version": version.get("version", ""),
        "deployment": host,
        "server": item.get("server", ""),
        "sha256": version.get("sha256", ""),
        "spki_sha256": version.get("spki_sha256", ""),
        "before_sha256": item.get("before", {}).get("sha256", ""),
        "state": outcome["state"],
        "reason": (item.get("issue") or item.get("deploy") or outcome.get("reason") or {}).get("word", ""),
        "message": outcome["message"],
        "next_action": outcome["next_action"],
        **{name: outcome.get(name, "") for name in TOLD},
    }
    override = {"override": item["override"]} if item.get("override") else {}
    return {**event, **override, **{name: labels.get(name, "") for name in LABELS}}


def intents(plan: Mapping[str, Any], hosts: List[str], versions: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """One event for each deployment that is about to be changed: written before anything is."""
    wanted: Dict[str, Optional[Mapping[str, Any]]] = {host: versions.get(plan["items"][host]["lineage"]) for host in hosts}
    return [
        {
            "action": "intent",
            "step": "deploy",
            "run_id": plan["run_id"],
            "request_id": version.get("request_id", ""),
            "lineage": plan["items"][host]["lineage"],
            "version": version["version"],
            "deployment": host,
            "server": plan["items"][host]["server"],
            "sha256": version["sha256"],
            "before_sha256": plan["items"][host]["before"].get("sha256", ""),
            "reason": (plan["items"][host]["deploy"] or plan["items"][host]["issue"] or {}).get("word", ""),
            **plan["lineages"][plan["items"][host]["lineage"]]["labels"],
        }
        for host, version in wanted.items()
        if version
    ]


def with_request(outcomes: Mapping[str, OutcomeDict], plan: Mapping[str, Any], versions: Mapping[str, Any]) -> Dict[str, OutcomeDict]:
    """The outcomes with the id of the request that the version was issued for: what CA, store, ledger and log have in common."""
    after = {}
    for host, outcome in outcomes.items():
        version = versions.get(str(plan["items"].get(host, {}).get("lineage", "")), {})
        more = {"request_id": version["request_id"]} if version.get("request_id") else {}
        after[host] = {**outcome, "after": {**outcome["after"], **more}}
    return after


def evidence(outcomes: Mapping[str, OutcomeDict], plan: Mapping[str, Any]) -> Dict[str, List[str]]:
    """By lineage, what was seen of its version that failed its proof."""
    found: Dict[str, List[str]] = {}
    for host, outcome in outcomes.items():
        if outcome["state"] == ROLLED_BACK:
            found.setdefault(plan["items"][host]["lineage"], []).append(f"{host} at step {outcome['step']}: {outcome['message']}")
    return found
