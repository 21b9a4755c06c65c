# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks that servers take where the controller cannot: what to ask them for, and what comes of their answers."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import Proof
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.observations import chain_der
from ansible_collections.certops.clm.plugins.module_utils.outcome import UNPROVEN
from ansible_collections.certops.clm.plugins.module_utils.probe import (
    ANSWERED,
    COULD_NOT_LOOK,
    MAX_ADDRESSES,
    Endpoint,
    Observation,
)
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import CERTIFICATE, encode, sha256
from ansible_collections.certops.clm.plugins.plugin_utils.observing import host_row
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import endpoints_of, together
from ansible_collections.certops.clm.plugins.plugin_utils.wave.prove import after_server_look
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, why_not

SLOTS = ("default", "rsa", "ecdsa")
STEPS = ("prove", "soak")
Asked = Mapping[str, Sequence[Mapping[str, Any]]]
Judge = Callable[[str, Endpoint, Sequence[Observation]], Proof]


def asks(
    plan: Mapping[str, Any],
    versions: Mapping[str, Any],
    outcomes: Mapping[str, OutcomeDict],
    seen: Mapping[str, Sequence[Observation]],
) -> Dict[str, List[Dict[str, Any]]]:
    """By lead, what its server is to look at: the endpoints of unproven items that the controller saw nothing of, or not all."""
    asked: Dict[str, List[Dict[str, Any]]] = {}
    for host, item in plan["items"].items():
        if not item["server"] or outcomes[host]["state"] != UNPROVEN or outcomes[host]["step"] not in STEPS:
            continue
        slot = item["deployment"].get("slot")
        more = {"sha256": versions[item["lineage"]]["sha256"], "slot": slot if slot in SLOTS else "default"}
        for number, endpoint in enumerate(endpoints_of(plan, host)):
            if any(one.answer == COULD_NOT_LOOK for one in seen.get(endpoint.key, ())):
                asked.setdefault(item["lead"], []).append({**endpoint.as_dict(), **more, "id": f"{host}/{number}"})
    return asked


def with_server_looks(
    plan: Mapping[str, Any], outcomes: Mapping[str, OutcomeDict], asked: Asked, looked: Mapping[str, Any], judge: Judge
) -> Dict[str, OutcomeDict]:
    """The outcomes after judging what the servers saw by the judge of the controller's own looks; the rest is as it was."""
    proofs: Dict[str, List[Proof]] = {}
    for lead, rows in asked.items():
        for row in rows:
            host, endpoint = _where(plan, str(row["id"]))
            proofs.setdefault(host, []).append(judge(host, endpoint, observations(endpoint, looked.get(lead), str(row["id"]))))
    after = {host: dict(outcome) for host, outcome in outcomes.items()}
    for host, found in proofs.items():
        after[host] = after_server_look(after[host], together(found), plan["items"][host]["server"])
    return after


def seen_by_servers(plan: Mapping[str, Any], asked: Asked, looked: Mapping[str, Any]) -> Dict[str, Dict[str, Any]]:
    """By endpoint's key, what its server saw there, as the observations file has it; nothing for an endpoint that nobody saw."""
    found: Dict[str, Dict[str, Any]] = {}
    for lead, rows in asked.items():
        for row in rows:
            host, endpoint = _where(plan, str(row["id"]))
            seen = [host_row(_record(one)) for one in _rows(looked.get(lead), str(row["id"])) if isinstance(one, Mapping)]
            if any(one["sha256"] for one in seen):
                found[endpoint.key] = {"from": plan["items"][host]["server"], "observations": seen}
    return found


def _record(row: Mapping[str, Any]) -> Dict[str, Any]:
    """A row of `served` from one of `looks`: a leaf that was seen alone is an answer too, which is not whole."""
    chain = _chain(row)
    return {
        "address": _plain(row.get("address")),
        "answer": ANSWERED if chain else COULD_NOT_LOOK,
        "sha256": sha256(chain[0]) if chain else "",
        "chain_pem": [encode(CERTIFICATE, der) for der in chain],
        "whole": bool(chain) and row.get("answer") == ANSWERED,
        "detail": _plain(row.get("detail")),
    }


def _where(plan: Mapping[str, Any], item: str) -> Tuple[str, Endpoint]:
    host, _slash, number = item.rpartition("/")
    return host, endpoints_of(plan, host)[int(number)]


def observations(endpoint: Endpoint, result: Any, item: str) -> List[Observation]:
    """What a server's task registered, as observations; never empty, and whatever is wrong with it could not be looked at."""
    rows = _rows(result, item)
    if not rows:
        return [Observation(endpoint, "", COULD_NOT_LOOK, error=f"the look left no answer: {why_not(result)}")]
    found = [_observation(endpoint, row) for row in rows]
    told = {one.address for one in found}
    unseen = [address for address in endpoint.addresses if address not in told]
    return found + [Observation(endpoint, address, COULD_NOT_LOOK, error="nothing was said of this address") for address in unseen]


def _rows(result: Any, item: str) -> List[Any]:
    looks = result.get("looks") if isinstance(result, Mapping) else None
    rows = looks.get(item) if isinstance(looks, Mapping) else None
    return rows[:MAX_ADDRESSES] if isinstance(rows, list) else []


def _chain(row: Mapping[str, Any]) -> Tuple[bytes, ...]:
    """The certificates of a row, empty when they cannot be read."""
    try:
        return chain_der(row.get("chain_pem"))
    except (ClmError, TypeError, AttributeError, ValueError):
        return ()


def _observation(endpoint: Endpoint, row: Any) -> Observation:
    """One address. What is said of a chain counts only by its bytes: the SHA-256 is computed from them here."""
    if not isinstance(row, Mapping):
        return Observation(endpoint, "", COULD_NOT_LOOK, error="the answer cannot be read")
    address = _plain(row.get("address"))
    if row.get("answer") != ANSWERED:
        return Observation(endpoint, address, COULD_NOT_LOOK, error=_plain(row.get("detail")) or "no reason was given")
    chain = _chain(row)
    if not chain:
        return Observation(endpoint, address, COULD_NOT_LOOK, error="the certificates in the answer cannot be read")
    sent = row.get("sent")
    count = max(len(chain), sent) if isinstance(sent, int) else len(chain)
    return Observation(endpoint, address, ANSWERED, chain, count, sha256(chain[0]))


def _plain(text: Any) -> str:
    """A server's words as one line that a terminal can show."""
    return "".join(letter for letter in " ".join(str(text or "").split()) if letter.isprintable())[:500]
