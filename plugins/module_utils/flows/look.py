# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at live endpoints and say of each what it serves, and what is wrong with it. It changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Mapping, Sequence, Tuple

from .._probe_judge import Judgement, judge_expected, wanted
from .._probe_remarks import remarks
from ..anchors import load_anchors
from ..contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Clock
from ..errors import ConfigError
from ..outcome import FAILED, UNCHANGED, UNPROVEN, Outcome
from ..probe import MAX_CONCURRENCY, Endpoint, Observation, probe_many
from ..x509.certificate import Certificate
from ..x509.pem import sha256 as sha256_of

STATES = {SERVED: UNCHANGED, NOT_SERVED: FAILED, COULD_NOT_LOOK: UNPROVEN}
NEXT = {
    SERVED: "",
    NOT_SERVED: "mend what the findings name, then look again",
    COULD_NOT_LOOK: "look again from a host that reaches the port",
}


def look(params: Mapping[str, Any], clock: Clock) -> Dict[str, Any]:
    """`outcomes` by the endpoint's id, `certificates` by SHA-256 (each once), and `ok`: true when nothing was found wrong.

    ConfigError for input that is wrong; whatever an endpoint does is its own outcome.
    """
    _check_limits(params["timeout"], params["concurrency"])
    items = _items(params["endpoints"])
    anchors = load_anchors(params["anchors"] or {})
    seen = probe_many([endpoint for endpoint, _sha in items.values()], timeout=params["timeout"], concurrency=params["concurrency"])
    now = clock()
    outcomes: Dict[str, Dict[str, Any]] = {}
    certificates: Dict[str, Dict[str, Any]] = {}
    for (item, (endpoint, sha256)), observations in zip(items.items(), seen):
        expected = wanted(sha256, endpoint.name if params["check_name"] else "", anchors)
        outcomes[item] = _outcome(observations, judge_expected(observations, expected, now), now)
        certificates.update(_certificates(observations, certificates))
    return {"outcomes": outcomes, "certificates": certificates, "ok": all(one["answer"] == SERVED for one in outcomes.values())}


def _check_limits(timeout: float, concurrency: int) -> None:
    if not 0 < timeout <= 300:
        raise ConfigError(f"{timeout:g} is not between 0 and 300 seconds", field="timeout")
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise ConfigError(f"{concurrency} is not between 1 and {MAX_CONCURRENCY}", field="concurrency")


def _items(rows: Sequence[Mapping[str, Any]]) -> Dict[str, Tuple[Endpoint, str]]:
    """Endpoint and expected SHA-256 by id, in order; two endpoints with one id are refused."""
    items: Dict[str, Tuple[Endpoint, str]] = {}
    for index, row in enumerate(rows):
        field = f"endpoints[{index}]"
        endpoint = Endpoint.from_dict({name: value for name, value in row.items() if name not in ("id", "sha256")}, field)
        item = str(row.get("id") or "") or _id_of(endpoint)
        if item in items:
            raise ConfigError(f"the id {item!r} is taken by an endpoint before", hint="give it an id of its own", field=f"{field}.id")
        items[item] = (endpoint, _sha256(row.get("sha256") or "", f"{field}.sha256"))
    return items


def _id_of(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}" + (f"/{endpoint.server_name}" if endpoint.server_name else "")


def _sha256(text: Any, field: str) -> str:
    plain = str(text).replace(":", "").lower()
    if plain and (len(plain) != 64 or not set(plain) <= set("0123456789abcdef")):
        raise ConfigError(f"{text!r} is not a SHA-256 (64 hexadecimal digits)", field=field)
    return plain


def _outcome(observations: Sequence[Observation], judged: Judgement, now: datetime) -> Dict[str, Any]:
    state = STATES[judged.answer]
    endpoint = observations[0].endpoint
    return {
        **Outcome(state, "look", message=judged.detail, next_action=NEXT[judged.answer]).as_dict(),
        "endpoint": endpoint.as_dict(),
        "answer": judged.answer,
        "sha256": judged.sha256,
        "findings": list(judged.findings),
        "remarks": remarks(observations, now),
        "addresses": [_address(seen) for seen in observations],
    }


def _address(seen: Observation) -> Dict[str, Any]:
    return {
        "address": seen.address,
        "answer": seen.answer,
        "sha256": seen.sha256,
        "chain": [sha256_of(der) for der in seen.chain_der],
        "sent": seen.sent,
        "protocol": seen.protocol,
        "cipher": seen.cipher,
        "group": seen.group,
        "error": seen.error,
        "milliseconds": seen.milliseconds,
    }


def _certificates(observations: Sequence[Observation], known: Mapping[str, Any]) -> Dict[str, Dict[str, Any]]:
    ders = {sha256_of(der): der for seen in observations for der in seen.chain_der}
    fresh = {sha256: Certificate.parse(der) for sha256, der in ders.items() if sha256 not in known}
    return {sha256: {**one.as_dict(), "pem": one.pem} for sha256, one in fresh.items()}
