# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What endpoints serve, as the managed server itself sees them: whole chains, for a controller that does not reach them.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Sequence

from ..errors import ClmError, ConfigError
from ..targets._server_chain import Patience, Shown, look_at_chain, watch
from ..targets._server_proof import Spot, spots_of
from ..targets._server_where import SLOTS, endpoints_of

MAX_ENDPOINTS = 5000
CONCURRENCY = 128  # one that is watched in a soak keeps its thread, and mostly sleeps
Row = Dict[str, Any]


def look_from_server(params: Mapping[str, Any]) -> Dict[str, Any]:
    """`looks`: by the caller's id a record for each address. What cannot be looked at is a record that says why."""
    rows: Sequence[Mapping[str, Any]] = params["endpoints"]
    _check(rows)
    patience = Patience(params["timeout"], params["soak"])
    looks: Dict[str, List[Any]] = {}
    with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
        for row in rows:
            try:
                spots = spots_of(endpoints_of([row], str(row["id"])))
            except ClmError as error:
                looks[str(row["id"])] = [record("", Shown(detail=str(error)))]
                continue
            looks[str(row["id"])] = [pool.submit(_watched, spot, row, params["openssl"], patience) for spot in spots]
    return {"looks": {name: [one.result() if isinstance(one, Future) else one for one in found] for name, found in looks.items()}}


def _check(rows: Sequence[Mapping[str, Any]]) -> None:
    if len(rows) > MAX_ENDPOINTS:
        raise ConfigError(f"{len(rows)} endpoints, where at most {MAX_ENDPOINTS} are looked at", field="endpoints")
    if len({str(row["id"]) for row in rows}) != len(rows):
        raise ConfigError("every endpoint has an id of its own", field="endpoints")


def _watched(spot: Spot, row: Mapping[str, Any], openssl: str, patience: Patience) -> Row:
    slot = str(row.get("slot") or "")
    slot = slot if slot in SLOTS else "default"
    wanted = str(row.get("sha256") or "").replace(":", "").lower()
    return record(spot.address, watch(wanted, lambda: look_at_chain(spot, slot, openssl), patience))


def record(address: str, shown: Shown) -> Row:
    """A look as plain data."""
    return {
        "address": address,
        "answer": "answered" if shown.chain_der else "could_not_look",
        "sha256": shown.sha256,
        "chain_pem": shown.seen_pem,
        "sent": shown.sent,
        "detail": shown.detail,
    }
