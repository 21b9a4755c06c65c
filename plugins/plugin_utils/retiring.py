# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending a lineage: may it end, what is to be unbound on which server, and what came of that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import RETIRED, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.flows._issue_values import LABELS
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.outcome import PLANNED
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, Observation
from ansible_collections.certops.clm.plugins.plugin_utils import whole_view
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, from_servers, positive

STEP = "unbind"
ALL = "all"
Look = Callable[[Sequence[Endpoint]], List[List[Observation]]]
TAKE_OUT = "take it out of use there (its server block, and a reload), then run certops.clm.retire again"


def refuse_blind(
    manifest: Manifest, lineage: Optional[Lineage], seen: Observations, now: datetime, max_age: timedelta, allowed: Collection[str]
) -> None:
    """ClmError when something was not seen: of this lineage nothing may be missing but endpoints, which its own servers look at."""
    spots = whole_view.blind_spots(manifest, seen, now, max_age)
    mine = {deployment.id for deployment in lineage.deployments} if lineage else set()
    servers = {deployment.server for deployment in lineage.deployments} if lineage else set()
    left = [
        text
        for name, text in spots.items()
        if name not in mine and (name == "observations" or name in servers or not {name, ALL} & set(allowed))
    ]
    if left:
        hint = f"{whole_view.BLIND_HINT}. To go on without a server or deployment of others, name it in clm_allow_blind"
        raise ClmError(f"not everything was seen, so nothing is retired: {whole_view.said(left)}", hint=hint)


def refuse_served(name: str, lineage: Optional[Lineage], versions: Sequence[StoredVersion], serving: Mapping[str, Sequence[str]]) -> None:
    """ClmError that names every place, and the deployments there, while any version of the lineage is served."""
    hits = [(one, list(serving[one.sha256])) for one in versions if one.sha256 and one.sha256 in serving]
    if not hits:
        return
    places = [f"{one.version} ({one.sha256[:16]}...): {', '.join(places[:5])}" for one, places in hits]
    text = " ".join(place for _one, found in hits for place in found)
    ids = [one.id for one in (lineage.deployments if lineage else ()) if any(f"{end.host}:{end.port}" in text for end in one.endpoints)]
    named = f" Deployments: {', '.join(ids[:10])}." if ids else ""
    raise ClmError(f"{name} is still served, so nothing was changed: {whole_view.said(places)}.{named}", hint=TAKE_OUT)


def refuse_unissued(name: str, versions: Sequence[StoredVersion]) -> None:
    """NotFoundError for a lineage of which no version was ever made: what its places serve is somebody else's."""
    if not versions:
        text = f"the secret store has no version of {name}: there is nothing to end, and nothing was unbound"
        raise NotFoundError(text, hint="take it out of the manifest; what its places serve is left as it is")


def refuse_standby(name: str, live: Manifest) -> None:
    """ClmError while the lineage keeps a standby that has not ended: it would be renewed for ever, for nobody."""
    standby = next((one.name for one in live.lineages.values() if one.standby_for == name), "")
    if standby:
        first = f"end it first: ansible-playbook certops.clm.retire -e clm_lineage={standby}"
        raise ClmError(f"{name} keeps the standby {standby}, so nothing was changed", hint=first)


def unbind_of(lineage: Optional[Lineage], versions: Sequence[StoredVersion], key: str) -> Dict[str, List[Dict[str, Any]]]:
    """By server, the deployments that are to be unbound there; empty when the lineage has ended already."""
    work: Dict[str, List[Dict[str, Any]]] = {}
    if lineage is None or (versions and versions[-1].state == RETIRED):
        return work
    mine = [one.sha256 for one in versions if one.sha256]
    keeps = lineage.key_origin == "host" and key == "archive"  # nowhere else is there a copy to archive
    for deployment in lineage.deployments:
        if deployment.server:
            item = {**deployment.as_item(), "key_origin": lineage.key_origin, "mine": mine, "keep_keys": keeps}
            work.setdefault(deployment.server, []).append(item)
    return work


def intents(lineage: Lineage, work: Mapping[str, Sequence[Mapping[str, Any]]], run_id: str) -> List[Dict[str, Any]]:
    """The ledger's events before anything is unbound."""
    return [_event("intent", lineage, server, str(item["id"]), run_id) for server, items in work.items() for item in items]


def results(
    lineage: Lineage, work: Mapping[str, Sequence[Mapping[str, Any]]], unbound: Mapping[str, Any], run_id: str
) -> Tuple[Dict[str, OutcomeDict], List[Dict[str, Any]]]:
    """What came of each deployment, and the ledger's events that say so."""
    ids = {server: [str(item["id"]) for item in items] for server, items in work.items()}
    outcomes = from_servers(unbound, ids, STEP)
    events = [
        _event("outcome", lineage, server, item, run_id, state=outcomes[item]["state"], message=outcomes[item]["message"])
        for server, items in ids.items()
        for item in items
        if outcomes[item]["state"] != PLANNED
    ]
    return outcomes, events


def _event(action: str, lineage: Lineage, server: str, deployment: str, run_id: str, **more: Any) -> Dict[str, Any]:
    labels = {name: value for name, value in lineage.labels.items() if name in LABELS and value}
    known = {"action": action, "step": STEP, "run_id": run_id, "lineage": lineage.name, "deployment": deployment, "server": server}
    return {**known, "reason": "retired", **labels, **more}


def refuse_bound(outcomes: Mapping[str, OutcomeDict], check_mode: bool) -> None:
    """ClmError when a server could not unbind its deployment: then nothing is revoked, and no key is touched."""
    bad = [
        f"{item}: {one['message'] or one['state']}"
        for item, one in outcomes.items()
        if not positive(one) and not (check_mode and one["state"] == PLANNED)
    ]
    if bad:
        actions = [one["next_action"] for one in outcomes.values() if one["next_action"]]
        raise ClmError(f"nothing was revoked, since not everything is unbound: {whole_view.said(bad)}", hint=(actions or [TAKE_OUT])[0])


def removed(outcomes: Mapping[str, OutcomeDict]) -> Tuple[str, ...]:
    """One sentence for every copy of a key that a server says it removed; the texts are data, and bounded."""
    rows = [(item, row) for item, one in outcomes.items() for row in (one["after"].get("removed") or ()) if isinstance(row, Mapping)]
    return tuple(f"{item}: {str(row.get('path'))[:300]} removed (key {str(row.get('spki_sha256'))[:64]})" for item, row in rows[:100])


def look_again(lineage: Optional[Lineage], look: Look) -> Dict[str, List[str]]:
    """What the lineage's own endpoints serve now, by SHA-256; what cannot be reached from here its server has proven itself."""
    endpoints = list({end.key: end for one in (lineage.deployments if lineage else ()) for end in one.endpoints}.values())
    found: Dict[str, List[str]] = {}
    for endpoint, rows in zip(endpoints, look(endpoints) if endpoints else ()):
        for row in rows:
            if row.sha256:
                found.setdefault(row.sha256, []).append(f"{endpoint.label} serves it")
    return found


def known_lineage(manifest: Manifest, versions: Sequence[StoredVersion], name: str) -> Optional[Lineage]:
    """The lineage of the manifest; None when only the store knows it, ConfigError when neither does."""
    lineage = manifest.lineages.get(name)
    if lineage is None and not versions:
        raise ConfigError(f"neither the manifest nor the secret store has a lineage {name!r}", hint="look for it with secret_store_info")
    return lineage
