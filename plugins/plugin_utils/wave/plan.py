# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one wave: for each host what is to be done and why, who leads its server, and what is refused."""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, FAILED, UNCHANGED, Outcome, failed
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scope import CANARIES_FIRST
from ansible_collections.certops.clm.plugins.plugin_utils.wave.waits import deferral, deferred_item, override_of

MANIFEST_NEXT = "Mend the manifest or the inventory, then run the rotation again."


def make_plan(
    manifest: Manifest,
    hosts: Sequence[str],
    judged: Mapping[str, Judged],
    servers: Collection[str],
    *,
    run_id: str,
    issue: bool,
    untried: Collection[str] = (),
    unfit: Optional[Mapping[str, ClmError]] = None,
) -> Dict[str, Any]:
    """Plan, outcomes and requests of a wave. A host that nobody can deploy is refused here, and one whose window has closed deferred,
    before anything is written. `untried` are lineages of which this run must not be the first to deploy the version, `unfit` more hosts."""
    outcomes = _outcomes(hosts, judged, servers, untried, unfit or {})
    good = [host for host in hosts if outcomes[host].state == UNCHANGED]
    aside, items = {host: one for host, one in outcomes.items() if host not in good}, {host: _item(judged[host], issue) for host in good}
    leads: Dict[str, str] = {}
    for host in good:
        if items[host]["server"]:
            items[host]["lead"] = leads.setdefault(items[host]["server"], host)
    lineages = {judged[host].lineage.name: judged[host].lineage for host in good}
    revoked = {judged[host].lineage.name: judged[host].standing.revoked for host in good}
    plan = {
        "run_id": run_id,
        "manifest": manifest.path,
        "hosts": list(hosts),
        "items": items,
        "refused": {host: outcome.as_dict() for host, outcome in aside.items()},
        "waiting": {host: deferred_item(judged[host], outcome.before) for host, outcome in aside.items() if outcome.state == DEFERRED},
        "lineages": {name: _lineage(manifest, lineage, revoked[name]) for name, lineage in lineages.items()},
        "secret_store": dict(manifest.secret_store),
        "client_classes": dict(manifest.client_classes),
        "issue": issue,
    }
    return {
        "plan": plan,
        "outcomes": {host: outcome.as_dict() for host, outcome in outcomes.items()},
        "requests": _requests(manifest, items, lineages),
        "leads": list(leads.values()) or list(hosts[:1]),  # somebody must carry the wave's batch tasks
    }


def _outcomes(
    hosts: Sequence[str],
    judged: Mapping[str, Judged],
    servers: Collection[str],
    untried: Collection[str],
    unfit: Mapping[str, ClmError],
) -> Dict[str, Outcome]:
    found = {host: _refusal(host, judged.get(host), servers, untried) for host in hosts}
    for host, error in unfit.items():
        if found[host].state == UNCHANGED:
            found[host] = failed("plan", error, before=found[host].before)
    return found


def _refusal(host: str, judged: Any, servers: Collection[str], untried: Collection[str]) -> Outcome:
    if judged is None:
        message = f"{host} is not a deployment of the manifest: what nobody asked us to manage is never touched."
        return Outcome(FAILED, "plan", message=message, next_action="Adopt it first: ansible-playbook certops.clm.adopt")
    server = judged.deployment.server
    if server and server not in servers:
        # delegate_to a name that no inventory knows would be tried over SSH by that name
        message = f"{host}: the server {server!r} of lineage {judged.lineage.name} is not a host of the inventory."
        return Outcome(FAILED, "plan", message=message, next_action=MANIFEST_NEXT)
    if judged.lineage.name in untried:
        message = f"{host}: the version that {judged.lineage.name} is to get was proven nowhere yet, and a slice never tries one."
        return Outcome(FAILED, "plan", before=_served(judged), message=message, next_action=CANARIES_FIRST)
    return deferral(judged, _served(judged)) if judged.waiting else Outcome(UNCHANGED, "plan", before=_served(judged))


def _served(judged: Judged) -> Dict[str, Any]:
    served = judged.served
    if not served:
        return {}
    dates = {"not_before": served.not_before, "not_after": served.not_after}  # None where what is served cannot be read
    return {"sha256": served.sha256, **{name: rfc3339(when) if when else "" for name, when in dates.items()}}


def _item(judged: Judged, issue: bool) -> Dict[str, Any]:
    return {
        "deployment": judged.deployment.as_item(),
        "lineage": judged.lineage.name,
        "server": judged.deployment.server,
        "lead": "",
        "issue": judged.issue.as_dict() if judged.issue and issue else None,
        "deploy": judged.deploy.as_dict() if judged.deploy else None,
        "wanted_version": judged.wanted_version or "",
        "before": _served(judged),
        "override": override_of(judged),
    }


def _lineage(manifest: Manifest, lineage: Lineage, revoked: Collection[str]) -> Dict[str, Any]:
    return {
        "labels": lineage.labels,
        "names": list(lineage.names),
        "issuer": lineage.issuer,
        "key_origin": lineage.key_origin,
        "usages": list(manifest.profile_of(lineage).usages),
        "dead": sorted({*lineage.compromised, *revoked}),  # never put back, wherever they are still kept
    }


def _requests(
    manifest: Manifest, items: Mapping[str, Mapping[str, Any]], lineages: Mapping[str, Lineage]
) -> Dict[str, List[Dict[str, Any]]]:
    """By lead, the items whose key is to be made on its server: one for each lineage that has a reason to issue."""
    requests: Dict[str, List[Dict[str, Any]]] = {}
    seen = set()
    for item in items.values():
        lineage = lineages[item["lineage"]]
        if lineage.key_origin == "host" and item["issue"] and lineage.name not in seen:
            seen.add(lineage.name)
            profile = manifest.profile_of(lineage)
            common_name = lineage.names[0] if profile.common_name else ""
            request = {"names": list(lineage.names), "key_type": profile.key_type, "common_name": common_name}
            requests.setdefault(item["lead"], []).append({**item["deployment"], "key_origin": "host", "request": request})
    return requests
