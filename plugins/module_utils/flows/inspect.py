# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads certificates from files and texts: one outcome for each item, whatever stands in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .. import files
from ..contracts import Clock
from ..errors import ClmError, ConfigError, MalformedError, about
from ..outcome import UNCHANGED, Outcome, failed
from ..x509 import pem
from ..x509.certificate import Certificate
from ..x509.der import is_whole

STEP = "read"
Facts = List[Dict[str, Any]]


def inspect(items: Sequence[Mapping[str, Any]], clock: Clock) -> Tuple[Dict[str, Outcome], Dict[str, Facts]]:
    """By the items' ids, what became of reading each, and the facts of its certificates in their order.

    What cannot be parsed is a record with `malformed`, not a failure; a file that cannot be read is a failure.
    """
    now = clock()
    outcomes: Dict[str, Outcome] = {}
    facts: Dict[str, Facts] = {}
    for number, item in enumerate(items):
        name = str(item.get("id") or item.get("path") or number)
        if name in outcomes:
            raise ConfigError(f"two items are called {name!r}", hint="give each one an id of its own", field=f"certificates[{number}].id")
        try:
            with about("refused"):  # a file was read: no deployment has failed
                facts[name] = _read(item, now)
            outcomes[name] = Outcome(UNCHANGED, STEP, after=_after(facts[name]), message=_message(facts[name]))
        except ClmError as error:
            outcomes[name] = failed(STEP, error)
    return outcomes, facts


def _read(item: Mapping[str, Any], now: datetime) -> Facts:
    path, content = item.get("path"), item.get("content")
    if (path is None) == (content is None):
        raise ConfigError("exactly one of path and content is needed")
    data = files.read(str(path), pem.MAX_BYTES) if path is not None else str(content).encode("utf-8", "surrogatepass")
    try:
        ders = [data] if is_whole(data) else [block.der for block in pem.split(data)]
    except MalformedError as error:
        return [{**Certificate.parse(b"").as_dict(), "sha256": "", "malformed": [str(error)], "expired": False, "days_left": None}]
    return [_facts(Certificate.parse(der), now) for der in ders]


def _facts(certificate: Certificate, now: datetime) -> Dict[str, Any]:
    end = certificate.not_after
    days = None if end is None else (end - now) // timedelta(days=1)
    return {**certificate.as_dict(), "expired": end is not None and now > end, "days_left": days}


def _after(facts: Facts) -> Dict[str, Any]:
    return {"sha256": facts[0]["sha256"], "not_after": facts[0]["not_after"], "count": len(facts)}


def _message(facts: Facts) -> str:
    bad = [one for one in facts if one["malformed"]]
    return f"malformed: {bad[0]['malformed'][0]}" if bad else ""
