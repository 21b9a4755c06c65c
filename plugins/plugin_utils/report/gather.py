# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report is made of: manifest, last observations, secret store and ledger. Nothing is looked at anew."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.ledger import read, verify
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, load
from ansible_collections.certops.clm.plugins.module_utils.sources.findings import FindingsSource
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged, judge_all
from ansible_collections.certops.clm.plugins.plugin_utils.places import places
from ansible_collections.certops.clm.plugins.plugin_utils.report.model import build
from ansible_collections.certops.clm.plugins.plugin_utils.report.write import write


def write_report(
    manifest: Manifest, store: SecretStore, run_id: str, now: datetime, *, folder: str = "", title: str = "Certificates"
) -> Dict[str, Any]:
    """Write the report of a run (the last one for an empty run_id); returns its headline and the paths of its files."""
    report = gather(manifest, store, run_id, now, title)
    return {"headline": report["headline"], "files": write(Path(folder or manifest.report), report)}


def gather(manifest: Manifest, store: SecretStore, run_id: str, now: datetime, title: str = "Certificates") -> Dict[str, Any]:
    """The report's data."""
    observations = _observations(manifest)
    judged = judge_all(manifest, observations, store, now)
    events = list(_events(manifest))
    run = run_id or next((str(event["run_id"]) for event in reversed(events) if event.get("run_id")), "")
    return build(
        places=[_place(one) for one in judged],
        lineages=_lineages(judged),
        unmanaged=_unmanaged(manifest, judged),
        events=[event for event in events if run and event.get("run_id") == run],
        ledger=_ledger(manifest),
        now=now,
        run_id=run,
        title=title,
    )


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
    found = verify(folder)
    broken = next((chain for chain in found.chains if chain.get("problem")), {})
    problem = f"{broken.get('writer_id')} line {broken.get('first_bad_line')}: {broken.get('problem')}" if broken else ""
    return {"ok": found.ok, "events": found.events, "chains": len(found.chains), "problem": problem}


def _place(one: Judged) -> Dict[str, Any]:
    deployment, reason = one.deployment, one.issue or one.deploy
    where = deployment.target.get("kind") or deployment.target["type"]
    return {
        **one.lineage.labels,
        "id": deployment.id,
        "lineage": one.lineage.name,
        "server": deployment.server,
        "place": f"{deployment.server} ({where})" if deployment.server else where,
        "endpoints": [endpoint.label for endpoint in deployment.endpoints],
        "served_sha256": one.served.sha256 if one.served else "",
        "served_until": one.served.not_after if one.served else None,
        "answer": one.answer,
        "why": reason.sentence if reason else "",
    }


def _lineages(judged: Sequence[Judged]) -> List[Dict[str, Any]]:
    """Each lineage once, by what its deployments are to serve."""
    found: Dict[str, Dict[str, Any]] = {}
    for one in judged:
        leaf = one.standing.chain[0] if one.standing.chain else None
        found.setdefault(
            one.lineage.name,
            {
                **one.lineage.labels,
                "lineage": one.lineage.name,
                "names": one.lineage.names,
                "issuer": one.lineage.issuer,
                "not_before": leaf.not_before if leaf else None,
                "not_after": leaf.not_after if leaf else None,
                "sha256": one.standing.sha256,
                "next_due": one.next_due if one.issue is None else None,
                "reason": one.issue.word if one.issue else "",
            },
        )
    return list(found.values())


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
