# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source finds, as public facts: one row for each place, what nobody could look at, and what is wrong where."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..contracts import COULD_NOT_LOOK, Clock, Found, Source
from ..x509.bundle import Bundle
from ..x509.certificate import Certificate, rfc3339
from ..x509.path import verify

EXPIRED, UNUSED, UNREADABLE, UNTRUSTED = "expired", "unused", "unreadable", "no_path"
MAX_NAMES = 1000


def look(source: Source, anchors: Sequence[Bundle], clock: Clock) -> Dict[str, Any]:
    """`certificates`, `unseen` (one sentence for everything that could not be looked at) and `counts` by finding.

    A path is looked for to each of `anchors`; without any none is.
    """
    now = clock()
    rows: List[Dict[str, Any]] = []
    unseen: List[str] = []
    judged: Dict[Tuple[Tuple[bytes, ...], bool], Dict[str, Any]] = {}
    for found in source.find():
        if found.where.get("answer") == COULD_NOT_LOOK:
            unseen.append(f"{found.where.get('label') or 'a place'}: {found.error}")
            continue
        key = (found.chain_der, bool(found.where.get("authority")))
        if key not in judged:  # many places serve the same
            judged[key] = _judged(found.chain_der, () if key[1] else anchors, now)  # a CA serves nobody
        rows.append(_row(found, judged[key]))
    counts: Dict[str, int] = {}
    for word in (word for row in rows for word in row["findings"]):
        counts[word] = counts.get(word, 0) + 1
    return {"certificates": rows, "unseen": unseen, "counts": counts}


def _row(found: Found, judged: Mapping[str, Any]) -> Dict[str, Any]:
    words = [UNREADABLE] if found.error else []
    words += [UNUSED] if found.where.get("bound") is False else []
    return {**judged, "where": dict(found.where), "error": found.error, "findings": sorted({*judged["findings"], *words})}


def _judged(ders: Tuple[bytes, ...], anchors: Sequence[Bundle], now: datetime) -> Dict[str, Any]:
    """The facts of a chain, leaf first; empty texts where there is none."""
    chain = [Certificate.parse(der) for der in ders]
    if not chain:
        texts = ("sha256", "not_before", "not_after", "issuer", "key_type")
        return {**dict.fromkeys(texts, ""), "names": [], "chain_length": 0, "findings": [], "path_problems": []}
    leaf = chain[0]
    expired = leaf.not_after is not None and leaf.not_after < now
    results = [verify(chain, bundle, name=None, when=now) for bundle in anchors]
    problems = [] if expired or any(result.ok for result in results) else [text for result in results[:1] for text in result.findings]
    words = [*([EXPIRED] if expired else []), *([UNTRUSTED] if problems else []), *([UNREADABLE] if leaf.malformed else [])]
    return {
        "sha256": leaf.sha256,
        "not_before": rfc3339(leaf.not_before) if leaf.not_before else "",
        "not_after": rfc3339(leaf.not_after) if leaf.not_after else "",
        "issuer": leaf.issuer,
        "key_type": leaf.key_type,
        "names": list(leaf.names[:MAX_NAMES]),
        "chain_length": len(chain),
        "findings": words,
        "path_problems": problems,
    }
