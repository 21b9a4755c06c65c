# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at everything that the manifest names, from the controller and through what its servers said of themselves."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import CONTROLLER, VERSION
from ansible_collections.certops.clm.plugins.module_utils.outcome import UNCHANGED, UNPROVEN, Outcome
from ansible_collections.certops.clm.plugins.module_utils.probe import COULD_NOT_LOOK, Endpoint, Observation
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import CERTIFICATE, encode
from ansible_collections.certops.clm.plugins.plugin_utils.answers import TRY, bare, gave_none, said
from ansible_collections.certops.clm.plugins.plugin_utils.clocks import ahead

STEP = "observe"
Look = Callable[[Sequence[Endpoint]], List[List[Observation]]]
HINT = "let the server be reached, then run certops.clm.discover again"


def observe(manifest: Manifest, results: Mapping[str, Any], look: Look, clock: Clock, began: str = "") -> Dict[str, Any]:
    """The observations file's data. `results` has by server what `server_certificates_info` registered there, not before `began`."""
    asked_by = clock()
    servers = {name: _server(results.get(name)) for name in dict.fromkeys((*manifest.servers, *map(str, results)))}
    for name, server in servers.items():
        server["clock_ahead"] = ahead(results.get(name), began, asked_by)
    endpoints = {endpoint.key: endpoint for deployment in manifest.deployments for endpoint in deployment.endpoints}
    by_hosts = _seen_by_hosts(servers)
    rows: Dict[str, Dict[str, Any]] = {}
    for key, observations in zip(endpoints, look(list(endpoints.values()))):
        rows[key] = endpoint_row(observations, by_hosts.get(key))
    return {"version": VERSION, "taken_at": rfc3339(clock()), "servers": servers, "endpoints": rows}


def outcomes(data: Mapping[str, Any]) -> Dict[str, Outcome]:
    """By server and endpoint whether it was seen: unchanged, or unproven with the reason and what next."""
    found: Dict[str, Outcome] = {}
    for name, server in data["servers"].items():
        good = server["reached"] and not server["error"]
        after = {"reached": server["reached"], "findings": len(server["findings"])}
        found[name] = Outcome(UNCHANGED if good else UNPROVEN, STEP, after=after, message=server["error"], next_action="" if good else HINT)
    for key, row in data["endpoints"].items():
        blind = [seen for seen in row["observations"] if seen["answer"] == COULD_NOT_LOOK]
        after = {"sha256": sorted({seen["sha256"] for seen in row["observations"] if seen["sha256"]}), "from": row["from"]}
        message = f"{blind[0]['address']}: {blind[0]['error']}" if blind else ""
        found[key] = Outcome(UNPROVEN if blind else UNCHANGED, STEP, after=after, message=message, next_action=HINT if blind else "")
    return found


def _server(result: Any) -> Dict[str, Any]:
    """A server's record from what its task registered, whatever happened to the task."""
    if not isinstance(result, Mapping):
        return _unseen("it was not asked")
    if result.get("unreachable"):
        return _unseen(f"it was not reached: {result.get('msg') or 'no reason given'}")
    if "findings" not in result:
        return _unseen(f"it could not tell: {_why(result)}")
    errors = "; ".join(str(error) for error in result.get("errors") or ())
    return {"reached": True, "error": errors, "findings": list(result["findings"]), "served": list(result.get("served") or ())}


def _why(result: Mapping[str, Any]) -> str:
    text = bare(said(result)) or "the task was skipped"
    return f"{text} ({TRY})" if gave_none(result) else text


def _unseen(error: str) -> Dict[str, Any]:
    return {"reached": False, "error": " ".join(error.split())[:2000].rstrip(" :"), "findings": [], "served": []}


def _seen_by_hosts(servers: Mapping[str, Mapping[str, Any]]) -> Dict[str, Tuple[str, List[Mapping[str, Any]]]]:
    """By endpoint the first server that could look at it, and its rows."""
    found: Dict[str, Tuple[str, List[Mapping[str, Any]]]] = {}
    for name, server in servers.items():
        mine: Dict[str, List[Mapping[str, Any]]] = {}
        for row in server["served"]:
            try:
                mine.setdefault(Endpoint.from_dict(row["endpoint"]).key, []).append(row)
            except (ClmError, KeyError, TypeError):
                continue
        for key, rows in mine.items():
            if key not in found and any(row.get("answer") != COULD_NOT_LOOK for row in rows):
                found[key] = name, rows
    return found


def endpoint_row(observations: Sequence[Observation], by_host: Any = None) -> Dict[str, Any]:
    """What the controller saw; what a host of its own saw where the controller could not look at any address."""
    if by_host and all(seen.answer == COULD_NOT_LOOK for seen in observations):
        name, rows = by_host
        return {"from": name, "observations": [host_row(row) for row in rows]}
    return {"from": CONTROLLER, "observations": [_row(seen) for seen in observations]}


def _row(seen: Observation) -> Dict[str, Any]:
    return {
        "address": seen.address,
        "answer": seen.answer,
        "sha256": seen.sha256,
        "chain_pem": [encode(CERTIFICATE, der) for der in seen.chain_der],
        "error": seen.error,
        "protocol": seen.protocol,
        "group": seen.group,
    }


def host_row(row: Mapping[str, Any]) -> Dict[str, Any]:
    """What a server saw at one address, from its record of `served`; `whole` is false where only the leaf could be seen."""
    chain = [str(pem) for pem in row.get("chain_pem") or ()]
    return {
        "address": str(row.get("address") or ""),
        "answer": str(row.get("answer") or COULD_NOT_LOOK),
        "sha256": str(row.get("sha256") or ""),
        "chain_pem": chain,
        "whole": bool(row.get("whole", len(chain) > 1)),
        "error": str(row.get("detail") or ""),
        "protocol": "",
        "group": "",
    }
