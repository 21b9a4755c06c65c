# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a managed server says of its certificates: its configurations, files that are named, endpoints as it sees them.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..contracts import Clock, Found
from ..errors import ClmError, ConfigError
from ..server_kinds import _index as kinds
from ..targets._server_chain import look_at_chain
from ..targets._server_proof import LOOK_SECONDS, Spot, spots_of
from ..targets._server_where import SLOTS, endpoints_of
from ..x509 import pem

MAX_FINDINGS = 20000
MAX_ENDPOINTS = 5000
CONCURRENCY = 32
GENERIC = "generic"
WHERE = ("binary", "config")  # what of a kind's options says where the program is


def discover(params: Mapping[str, Any], clock: Clock) -> Dict[str, Any]:
    """`findings`, `served`, `errors`, and `now` by the host's own clock; what cannot be read or looked at is a record of its own."""
    findings: List[Dict[str, Any]] = []
    errors: List[str] = []
    for kind, options in _wanted(params):
        try:
            for found in kinds.create(kind, options, clock).find():
                findings.append(_finding(kind, found))
                if len(findings) >= MAX_FINDINGS:
                    raise ClmError(f"more than {MAX_FINDINGS} findings, the rest was left out")
        except ClmError as error:
            errors.append(f"{kind}: {error}")
    served = _served(params, errors)
    return {"findings": findings, "served": served, "errors": errors, "now": f"{clock():%Y-%m-%dT%H:%M:%SZ}"}


def _wanted(params: Mapping[str, Any]) -> List[Tuple[str, Mapping[str, Any]]]:
    """(kind, where it is) for each server program that is asked; ConfigError for a kind or an option that is none."""
    asked = params["kinds"] if params.get("kinds") is not None else [kind for kind in kinds.NAMES if kind != GENERIC]
    given: Mapping[str, Any] = params.get("kind_options") or {}
    for kind, options in [*given.items(), *((kind, {}) for kind in asked)]:
        known = sorted(set(kinds.options_of(kind)) & set(WHERE))
        if not isinstance(options, Mapping) or not set(options) <= set(known):
            raise ConfigError(f"{kind} takes a dictionary of {' and '.join(known) or 'nothing'}", field=f"kind_options.{kind}")
    wanted: List[Tuple[str, Mapping[str, Any]]] = [(kind, given.get(kind) or {}) for kind in asked]
    return [*wanted, *([(GENERIC, {"files": params["files"]})] if params["files"] else [])]


def _finding(kind: str, found: Found) -> Dict[str, Any]:
    chain = [pem.encode(pem.CERTIFICATE, der) for der in found.chain_der]
    where = {key: value for key, value in found.where.items() if key != "kind"}
    return {"source": "servers", "kind": kind, "where": where, "chain_pem": chain, "error": found.error}


def _served(params: Mapping[str, Any], errors: List[str]) -> List[Dict[str, Any]]:
    """One record for each address of each endpoint; a wrong endpoint is an error beside them."""
    endpoints: Sequence[Mapping[str, Any]] = params["endpoints"]
    timeout, openssl = min(float(params["timeout"]), 12 * LOOK_SECONDS), str(params["openssl"])
    jobs: List[Any] = []
    if len(endpoints) > MAX_ENDPOINTS:
        errors.append(f"more than {MAX_ENDPOINTS} endpoints, the rest was not looked at")
    for number, entry in enumerate(endpoints[:MAX_ENDPOINTS]):
        try:
            jobs += [(entry, spot) for spot in spots_of(endpoints_of([entry], f"endpoints[{number}]"))]
        except ClmError as error:
            errors.append(str(error))
    if not jobs:
        return []
    with ThreadPoolExecutor(max_workers=min(CONCURRENCY, len(jobs))) as pool:
        return list(pool.map(lambda job: _look(job[0], job[1], openssl, timeout), jobs))


def _look(entry: Mapping[str, Any], spot: Spot, openssl: str, timeout: float) -> Dict[str, Any]:
    """The whole chain is looked at everywhere: which endpoints the controller does not reach is not known here."""
    slot = str(entry.get("slot") or "")
    shown = look_at_chain(spot, slot if slot in SLOTS else "default", openssl, timeout)
    return {
        "endpoint": dict(entry),
        "address": spot.address,
        "answer": "answered" if shown.sha256 else "could_not_look",
        "sha256": shown.sha256,
        "chain_pem": shown.seen_pem,
        "whole": bool(shown.chain_der),
        "detail": shown.detail,
    }
