# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuing for one wave: each lineage once, and what every lead then has to deploy on its server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils import hints
from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, Issuer, SecretStore, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, about
from ansible_collections.certops.clm.plugins.module_utils.flows.guarded import converge
from ansible_collections.certops.clm.plugins.module_utils.flows.issue import Wanted
from ansible_collections.certops.clm.plugins.module_utils.flows.leasing import Pause
from ansible_collections.certops.clm.plugins.module_utils.ledger import Recorder
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import FAILED, PENDING, PLANNED, UNCHANGED, Outcome, failed
from ansible_collections.certops.clm.plugins.module_utils.published import Published
from ansible_collections.certops.clm.plugins.plugin_utils.standing import forced_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.fallback import in_turn
from ansible_collections.certops.clm.plugins.plugin_utils.wave.held import refuse_wrong_origin
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import RUN_AGAIN, OutcomeDict, from_servers, missing, positive

OpenIssuer = Callable[[Mapping[str, Any]], Issuer]


def reasons_to_issue(plan: Mapping[str, Any]) -> Dict[str, Mapping[str, Any]]:
    """By lineage, why it is to be issued; lineages without a reason are not in it."""
    return {item["lineage"]: item["issue"] for item in plan["items"].values() if item["issue"]}


def issue(
    plan: Mapping[str, Any],
    manifest: Manifest,
    requests: Mapping[str, Any],
    *,
    store: SecretStore,
    open_issuer: OpenIssuer,
    ledger: Recorder,
    clock: Clock,
    check_mode: bool = False,
    pause: Optional[Pause] = None,
    published: Optional[Published] = None,
) -> Dict[str, Outcome]:
    """One outcome for each lineage of the wave that has a reason to issue; `published` are proofs that an earlier call handed out."""
    outcomes = {name: _no_request(name, request["problem"]) for name, request in requests.items() if "problem" in request}
    due = [manifest.lineages[name] for name in reasons_to_issue(plan) if name not in outcomes]
    how: Dict[str, Any] = {"store": store, "ledger": ledger, "clock": clock, "run_id": str(plan["run_id"]), "check_mode": check_mode}
    how.update(promote=False, pause=pause, published=published or {})
    shut = getattr(ledger, "shut", None)  # before this wave issued anything: its plan holds nothing then but what may be issued
    expired = [lineage.name for lineage in due] if shut else []
    outcomes.update(issue_lineages(due, manifest, requests, open_issuer=open_issuer, expired=expired, **how))
    return outcomes


def issue_lineages(
    lineages: Sequence[Lineage],
    manifest: Manifest,
    requests: Mapping[str, Any],
    *,
    store: SecretStore,
    open_issuer: OpenIssuer,
    published: Optional[Published] = None,
    **how: Any,
) -> Dict[str, Outcome]:
    """One outcome for each lineage: those of one issuer and one profile together, and what breaks there breaks no others.

    `how` is what the issue flow takes beside them.
    """
    groups: Dict[Tuple[Any, ...], List[Lineage]] = {}
    windows = hints.windows(hints.read(hints.file_of(manifest.observations)))
    for lineage in lineages:
        groups.setdefault((lineage.issuer, lineage.fallback_issuers, lineage.profile), []).append(lineage)
    outcomes: Dict[str, Outcome] = {}

    def ask(asked: Sequence[Lineage], issuer: Issuer) -> Dict[str, Outcome]:
        wanted: List[Wanted] = []
        found: Dict[str, Outcome] = {}
        for lineage in asked:
            try:
                refuse_wrong_origin(lineage, issuer)
                wanted.append(replace(_wanted(manifest, lineage, store, requests), hints=windows, published=published or {}))
            except ClmError as error:
                found[lineage.name] = failed("issue", error)
        rest = {name: value for name, value in how.items() if name != "ledger"}
        found.update(converge(wanted, ledger=how["ledger"], store=store, issuer=issuer, policy=manifest.policy_of(asked[0]), **rest))
        return found

    for group in groups.values():
        try:
            outcomes.update(in_turn(group, manifest, open_issuer, ask, how["ledger"].append, str(how["run_id"])))
        except ClmError as error:
            outcomes.update({lineage.name: failed("issue", error) for lineage in group})
    return outcomes


def _no_request(lineage: str, problem: str) -> Outcome:
    """Without a request of its server nothing is asked for: the flow would make the key here, where it must never be."""
    return Outcome(FAILED, "request", message=f"{lineage}: {problem}", next_action=RUN_AGAIN)


def _wanted(manifest: Manifest, lineage: Lineage, store: SecretStore, requests: Mapping[str, Any]) -> Wanted:
    with about("store"):
        current = store.load(lineage.name)
    return Wanted(
        id=lineage.name,
        lineage=lineage.name,
        names=lineage.names,
        profile=manifest.profile_of(lineage),
        labels=lineage.labels,
        forced=forced_of(lineage, store, current),
        csr_pem=str(requests.get(lineage.name, {}).get("csr_pem", "")),
        reuse_key=lineage.reuse_key,
        compromised=lineage.compromised,
    )


def version_of(store: SecretStore, lineage: str, version: str) -> Optional[Dict[str, Any]]:
    """A version as the steps hand it on: everything but the key; None when there is no such certificate."""
    stored: Optional[StoredVersion] = store.load(lineage, version) if version else None
    if stored is None or not stored.sha256:
        return None
    return {
        "lineage": lineage,
        "version": stored.version,
        "request_id": str(stored.meta.get("request_id", "")),
        "state": stored.state,
        "sha256": stored.sha256,
        "spki_sha256": stored.spki_sha256,
        "chain_pem": stored.chain_pem,
        **({"held": stored.held} if stored.held else {}),
    }


def by_host(plan: Mapping[str, Any], issued: Mapping[str, Outcome], versions: Mapping[str, Any]) -> Dict[str, OutcomeDict]:
    """One outcome for each host: what became of its lineage, or why the plan refused it."""
    outcomes: Dict[str, OutcomeDict] = dict(plan["refused"])
    for host, item in plan["items"].items():
        lineage = item["lineage"]
        outcome = issued.get(lineage)
        if outcome is not None and (not positive(outcome.as_dict()) or lineage in versions):
            outcomes[host] = {**outcome.as_dict(), "before": item["before"]}
        elif outcome is not None and outcome.after.get("version"):
            # asked for by an earlier run, and still no answer: the flow has nothing new to say, the wave has nothing to deploy
            outcomes[host] = {**outcome.as_dict(), "state": PENDING, "before": item["before"]}
        elif lineage in versions:
            reason = item["deploy"] or {}
            outcomes[host] = {**Outcome(UNCHANGED, "issue", before=item["before"]).as_dict(), "reason": reason or None}
        else:
            outcomes[host] = missing("issue", f"lineage {lineage} has no version that could be deployed.")
    return outcomes


def work_of(plan: Mapping[str, Any], outcomes: Mapping[str, OutcomeDict], versions: Mapping[str, Any]) -> Dict[str, List[Dict[str, Any]]]:
    """By lead, what to deploy on its server: only items whose issue step left nothing to worry about."""
    work: Dict[str, List[Dict[str, Any]]] = {}
    for host, item in plan["items"].items():
        if item["server"] and positive(outcomes[host]):
            work.setdefault(item["lead"], []).append(deployable(plan, host, versions[item["lineage"]]))
    return work


def deployable(plan: Mapping[str, Any], host: str, version: Mapping[str, Any]) -> Dict[str, Any]:
    """One item as server_deployment takes it."""
    item = plan["items"][host]
    lineage = plan["lineages"][item["lineage"]]
    return {**item["deployment"], "version": dict(version), "key_origin": lineage["key_origin"], "dead": lineage["dead"]}


def requests_of(plan: Mapping[str, Any], requested: Mapping[str, Any]) -> Dict[str, Dict[str, str]]:
    """By lineage whose key its server keeps, the request that the server made, or under `problem` why there is none.

    A server speaks for its own items only, and only where it was asked. In check mode there is neither.
    """
    found: Dict[str, Dict[str, str]] = {}
    for host, item in plan["items"].items():
        lineage = item["lineage"]
        if lineage in found or not item["issue"] or plan["lineages"][lineage]["key_origin"] != "host":
            continue
        result = requested.get(item["lead"])
        given = result.get("requests") if isinstance(result, Mapping) else None
        request = given.get(host) if isinstance(given, Mapping) else None
        csr_pem = request.get("csr_pem") if isinstance(request, Mapping) else None
        said = from_servers(requested, {item["lead"]: [host]}, "request")[host]
        if isinstance(csr_pem, str) and csr_pem and positive(said):
            found[lineage] = {"csr_pem": csr_pem}
        elif said["state"] != PLANNED:
            found[lineage] = {"problem": said["message"] or "the server made no request."}
    return found
