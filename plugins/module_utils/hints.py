# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When issuers want certificates to be renewed (ARI, RFC 9773): asked when it is time to, kept in a file beside the observations.

A hint never hinders a renewal: what cannot be asked or read is no hint, and the renewal goes by the certificate's own age.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Optional, Tuple

from . import files
from .errors import ClmError, UnavailableError
from .issuers._powers import Hint, RenewalHinter, SelfRenewer
from .moments import moment_of
from .policy.renewal import Foretold
from .x509.certificate import rfc3339

Window = Tuple[datetime, datetime]
LARGEST = 256 * 1024 * 1024
FIRST, GROWTH, MOST = 60, 10, 86400  # seconds after a failure that may pass soon, and longer each time
LATER = timedelta(hours=6)  # after one that may not (section 4.3.3), and where an issuer offers no hints
AT_ONCE = 8
Kept = Dict[str, Dict[str, Any]]


def file_of(observations: str) -> str:
    """Where the hints of a manifest are kept."""
    return os.path.splitext(observations)[0] + ".hints.json"


def read(path: str) -> Kept:
    """What was kept, by the SHA-256 of the certificate; nothing where it cannot be read."""
    try:
        data = json.loads(files.read(path, LARGEST))
    except (ClmError, ValueError, RecursionError):
        return {}
    rows = data.get("hints") if isinstance(data, dict) and data.get("version") == 1 else None
    return {str(key): dict(row) for key, row in rows.items() if isinstance(row, dict)} if isinstance(rows, dict) else {}


def write(path: str, kept: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep them, durably."""
    files.write(path, json.dumps({"version": 1, "hints": kept}, sort_keys=True, indent=1).encode(), mode=0o644)


def windows(kept: Mapping[str, Mapping[str, Any]]) -> Dict[str, Window]:
    """The window of each certificate that has one."""
    found: Dict[str, Window] = {}
    for sha256, row in kept.items():
        start, end = moment_of(row.get("start")), moment_of(row.get("end"))
        if start is not None and end is not None and start < end:
            found[sha256] = _foretold(start, end, row) if row.get("alone") or row.get("successor") else (start, end)
    return found


def _foretold(start: datetime, end: datetime, row: Mapping[str, Any]) -> Foretold:
    window = Foretold((start, end))
    window.successor = str(row.get("successor") or "")
    return window


@dataclass(frozen=True)
class _Held:
    """A RenewalHinter for the certificate that its issuer keeps under that reference."""

    issuer: SelfRenewer
    ref: str

    def window(self, certificate_pem: str) -> Optional[Hint]:
        """What the issuer says of what is kept under the reference."""
        return self.issuer.renewal(self.ref, certificate_pem)


def hinter_of(issuer: Any, ref: str = "") -> Optional[RenewalHinter]:
    """Who says when a certificate of this issuer is to be renewed, None when nobody does. `ref` is its reference where it keeps the key."""
    if ref and isinstance(issuer, SelfRenewer):
        return _Held(issuer, ref)
    return issuer if isinstance(issuer, RenewalHinter) else None


def gives_hints(issuer: Any) -> bool:
    """Whether it may be asked at all."""
    return isinstance(issuer, (RenewalHinter, SelfRenewer))


def refreshed(kept: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Tuple[RenewalHinter, str]], now: datetime) -> Kept:
    """The hints after asking for every certificate for which it is time to; `asked` has issuer and PEM by SHA-256.

    What is no longer asked for, since it was replaced or has expired, is forgotten.
    """
    fresh: Kept = {sha256: dict(kept.get(sha256) or {}) for sha256 in asked}
    due = [sha256 for sha256, row in fresh.items() if (moment_of(row.get("ask_again")) or now) <= now]
    if due:
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="clm-hints") as pool:
            rows: List[Dict[str, Any]] = list(pool.map(lambda sha256: _asked(*asked[sha256], fresh[sha256], now), due))
        fresh.update(zip(due, rows))
    return fresh


def _asked(issuer: RenewalHinter, pem: str, row: Mapping[str, Any], now: datetime) -> Dict[str, Any]:
    try:
        hint: Optional[Hint] = issuer.window(pem)
    except ClmError as error:
        failures = int(row.get("failures") or 0) + 1
        soon = isinstance(error, UnavailableError)
        wait = timedelta(seconds=min(FIRST * GROWTH ** min(failures - 1, 9), MOST)) if soon else LATER
        return {**row, "failures": failures, "error": str(error)[:300], "ask_again": rfc3339(now + wait)}
    if hint is None:
        return {"ask_again": rfc3339(now + LATER)}
    return {
        "start": rfc3339(hint.start),
        "end": rfc3339(hint.end),
        "ask_again": rfc3339(hint.ask_again),
        "explanation_url": hint.explanation_url,
        **({"alone": True} if hint.alone else {}),
        **({"successor": hint.successor} if hint.successor else {}),
    }


def ask_now(asked: Mapping[str, Tuple[RenewalHinter, str]], now: datetime) -> Dict[str, Window]:
    """The windows of these certificates, by SHA-256 as `refreshed` takes them, as their issuers give them now."""
    return windows(refreshed({}, asked, now)) if asked else {}
