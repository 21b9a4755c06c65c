# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report is made of: manifest, last observations, secret store and ledger. Nothing is looked at anew."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.certops.clm.plugins.module_utils._ledger_judge import BROKEN, judge, state_of
from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.ledger import read
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, load
from ansible_collections.certops.clm.plugins.module_utils.policy.policy import advise, validity_seconds
from ansible_collections.certops.clm.plugins.module_utils.sources.findings import FindingsSource
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged, judge_all
from ansible_collections.certops.clm.plugins.plugin_utils.places import places
from ansible_collections.certops.clm.plugins.plugin_utils.report.model import build, lineage_id
from ansible_collections.certops.clm.plugins.plugin_utils.report.write import differs, write
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing, issuer_identities, standings, undeployed
from ansible_collections.certops.clm.plugins.plugin_utils.uncollected import paused
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import GOING_BACK
from ansible_collections.certops.clm.plugins.plugin_utils.wave.waits import override_of


def write_report(
    manifest: Manifest,
    store: SecretStore,
    run_id: str,
    now: datetime,
    *,
    folder: str = "",
    title: str = "Certificates",
    not_seen: Sequence[str] = (),
    ignore_windows: str = "",
) -> Dict[str, Any]:
    """Write the report of a run (the last one for an empty run_id); returns its headline, its files, and whether they say news.

    `not_seen` is what the caller knows that nobody saw, beside what the observations and the run say themselves, `ignore_windows`
    why no change window counts for the caller, beside what the run itself says.
    """
    with paused():
        report = gather(manifest, store, run_id, now, title, not_seen, ignore_windows)
        place = Path(folder or manifest.report)
        news = differs(place, report)
        return {"changed": news, "files": write(place, report), **said(report)}


def said(report: Mapping[str, Any]) -> Dict[str, Any]:
    """What the task that wrote the report says of it."""
    return {key: report[key] for key in ("headline", "part", "not_seen")}


def gather(
    manifest: Manifest,
    store: SecretStore,
    run_id: str,
    now: datetime,
    title: str = "Certificates",
    not_seen: Sequence[str] = (),
    ignore_windows: str = "",
) -> Dict[str, Any]:
    """The report's data."""
    observations = _observations(manifest)
    events = list(_events(manifest))
    run = run_id or next((str(event["run_id"]) for event in reversed(events) if event.get("run_id")), "")
    mine = [event for event in events if run and event.get("run_id") == run]
    begun: Mapping[str, Any] = next((event for event in mine if (event.get("action"), event.get("step")) == ("campaign", "start")), {})
    identities = issuer_identities(manifest, lambda: now)
    ignored = ignore_windows or (_ignored(begun) if run_id else "")
    judged = judge_all(manifest, observations, store, now, identities=identities, ignore_windows=ignored)
    alone = standings(manifest, undeployed(manifest), store, now, identities)
    return build(
        places=[*(_place(one) for one in judged), *(_kept(one) for one in alone)],
        lineages=[_lineage(one) for one in {one.lineage.name: one for one in (*(one.standing for one in judged), *alone)}.values()],
        unmanaged=_unmanaged(manifest, judged),
        events=mine,
        ledger=_ledger(manifest),
        now=now,
        run_id=run,
        title=title,
        not_seen=[*observations.blind_at(), *not_seen, *(begun.get("not_seen", ()) if run_id else ())],
        part=_part(begun, observations),
    )


def _ignored(begun: Mapping[str, Any]) -> str:
    """Why no change window counted in the run, empty when they did. That one goes back is no reason for what else is due."""
    why = str(begun.get("ignore_windows") or "")
    return why if why != GOING_BACK else ""


def _part(begun: Mapping[str, Any], observations: Observations) -> str:
    """What the run was limited to, else what the last look was, empty for none."""
    if begun.get("partial"):
        left = f", and left out {begun['left_out']} that are due" if begun.get("left_out") else ""
        return f"The run was partial, {begun.get('part')}: it had {begun.get('in_run')} of the managed deployments{left}."
    return f"The last look was partial, {observations.part}." if observations.part else ""


def _observations(manifest: Manifest) -> Observations:
    try:
        return load(manifest.observations)
    except NotFoundError:
        return Observations()


def _events(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    folder = str(manifest.ledger["path"])
    return read(folder) if os.path.isdir(folder) else iter(())


def _ledger(manifest: Manifest) -> Dict[str, Any]:
    folder = str(manifest.ledger["path"])
    if not os.path.isdir(folder):
        return {}
    second = manifest.ledger.get("checkpoints")
    place = str(second["path"]) if second else ""
    judged = judge(folder, [place] if os.path.isdir(place) else [], [])  # before the first checkpoint there is none
    bad = next((one.chain for one in judged if one.state == BROKEN), None)
    return {
        "ok": bad is None,
        "state": state_of(judged),
        "events": sum(one.chain.events for one in judged),
        "chains": len(judged),
        "problem": f"{bad.writer_id} line {bad.first_bad_line}: {bad.problem}" if bad else "",
    }


def _place(one: Judged) -> Dict[str, Any]:
    deployment, reason = one.deployment, one.deploy if one.held else one.issue or one.deploy
    where = deployment.target.get("kind") or deployment.target["type"]
    return {
        **one.lineage.labels,
        "id": deployment.id,
        "lineage": one.lineage.name,
        "names": one.lineage.names,
        "issuer": one.lineage.issuer,
        "server": deployment.server,
        "place": f"{deployment.server} ({where})" if deployment.server else where,
        "endpoints": [endpoint.label for endpoint in deployment.endpoints],
        "served_sha256": one.served.sha256 if one.served else "",
        "served_until": one.served.not_after if one.served else None,
        "answer": one.answer,
        "why": "; ".join(part for part in (reason.sentence if reason else "", override_of(one)) if part),
        "held": one.held,
        "waits": one.timing.sentence if one.waiting and one.timing else "",
        "opens": one.timing.opens if one.waiting and one.timing else None,
    }


def _kept(one: Standing) -> Dict[str, Any]:
    """A lineage that no deployment serves, as the place that it has: the secret store."""
    return {
        **one.lineage.labels,
        "id": lineage_id(one.lineage.name),
        "lineage": one.lineage.name,
        "names": one.lineage.names,
        "issuer": one.lineage.issuer,
        "place": "the secret store only",
        "kept_sha256": one.sha256,
        "kept_until": one.chain[0].not_after if one.chain else None,
        "answer": COULD_NOT_LOOK if one.error else "",
        "why": one.issue.sentence if one.issue else "",
    }


def _lineage(one: Standing) -> Dict[str, Any]:
    leaf = one.chain[0] if one.chain else None
    return {
        **one.lineage.labels,
        "lineage": one.lineage.name,
        "names": one.lineage.names,
        "issuer": one.lineage.issuer,
        "not_before": leaf.not_before if leaf else None,
        "not_after": leaf.not_after if leaf else None,
        "sha256": one.sha256,
        "next_due": one.next_due if one.issue is None else None,
        "reason": one.issue.word if one.issue else "",
        "advice": advise(one.policy, leaf.key_type, validity_seconds(leaf), leaf.not_after) if leaf and leaf.not_after else [],
    }


def _unmanaged(manifest: Manifest, judged: Sequence[Judged]) -> List[Dict[str, Any]]:
    known = {sha256: one.lineage.name for one in judged for sha256 in one.standing.known}
    try:
        found = list(FindingsSource(manifest.observations).find())
    except NotFoundError:
        return []
    rows = []
    for place in places(found, manifest, known):
        leaf = place.certificate
        if leaf is not None and not place.orphaned:
            where = place.found.where.get("certificate_file") or place.found.where
            rows.append(
                {
                    "place": f"{place.found.server}: {where}",
                    "names": leaf.names,
                    "issuer": leaf.issuer,
                    "not_after": leaf.not_after,
                    "sha256": leaf.sha256,
                }
            )
    return rows
