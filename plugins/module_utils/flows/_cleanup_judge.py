# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions of a lineage may be dropped now, and why the others may not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Collection, List, Mapping, Optional, Sequence

from ..contracts import DROPPED, RETIRED, StoredVersion
from ..outcome import Reason
from ..x509.certificate import rfc3339
from ._cleanup_dates import Dates
from ._ending import is_over, leaf_or_none

LEAST = timedelta(days=7)
IN_USE, RETAINED, WAITING, UNDATED, DAMAGED = "in_use", "retained", "waiting", "undated", "damaged"
SUPERSEDED, REJECTED, LEFT_OVER = "superseded", "rejected", "left_over"


@dataclass(frozen=True)
class Verdict:
    """One version that nobody wants any more: `drop`, or kept, with the reason; `free_at` is when it may go, None if unknown."""

    version: StoredVersion
    drop: bool
    reason: Reason
    free_at: Optional[datetime] = None


def judge(
    versions: Sequence[StoredVersion],
    current: Optional[str],
    wanted: Collection[str],
    *,
    in_use: Mapping[str, str],
    dates: Dates,
    retention: timedelta,
    now: datetime,
) -> List[Verdict]:
    """A verdict on every version but the current and the wanted ones, oldest first, and none on those that are dropped already.

    `in_use` has the SHA-256 of everything that was seen, with the place. A lineage that is retired has no verdicts.
    """
    if versions and versions[-1].state == RETIRED:
        return []
    others = [one for one in versions if one.version != current and one.version not in wanted and one.state not in (DROPPED, RETIRED)]
    return [_judge(one, current or "", in_use, dates, retention, now) for one in others]


def _judge(version: StoredVersion, current: str, in_use: Mapping[str, str], dates: Dates, retention: timedelta, now: datetime) -> Verdict:
    if version.meta.get("malformed"):
        return Verdict(version, False, Reason(DAMAGED, f"it cannot be read: {version.meta['malformed']}"))
    if version.sha256 and version.sha256 in in_use:
        return Verdict(version, False, Reason(IN_USE, f"it is still in use: {in_use[version.sha256]}"))
    if version.state == "pending" and version.version > current:
        return Verdict(version, False, Reason(WAITING, "it waits for its certificate"))
    since = _since(version, current, dates)
    leaf = leaf_or_none(version)
    end = leaf.not_after if leaf is not None else None
    if is_over(version, now):
        return Verdict(version, True, _why(version, current, f"its certificate expired at {rfc3339(end or now)}"))
    if since is None:
        text = "the ledger does not say since when nobody wants it, so it stays until its certificate expires"
        return Verdict(version, False, Reason(UNDATED, text), end)
    free_at = min(since + retention, end) if end is not None else since + retention
    if free_at > now:
        return Verdict(version, False, Reason(RETAINED, f"it stays restorable until {rfc3339(free_at)}"), free_at)
    return Verdict(version, True, _why(version, current, f"nobody wants it since {rfc3339(since)}"))


def _since(version: StoredVersion, current: str, dates: Dates) -> Optional[datetime]:
    """Since when it is not wanted: left for another one, at the latest when the current one took over; for what never was the
    current one, when it was last heard of."""
    left = dates.left(version.lineage, version.version)
    if version.state in ("rejected", "pending") or version.version > current:
        last = dates.last(version.lineage, version.version)
        return max((when for when in (left, last) if when is not None), default=None)
    return left or dates.began(version.lineage, current)


def _why(version: StoredVersion, current: str, since: str) -> Reason:
    if version.state == "rejected":
        return Reason(REJECTED, f"it failed its proof, {since}, and nothing serves it")
    if version.state == "pending" or version.version > current:
        return Reason(LEFT_OVER, f"an earlier run left it behind, {since}, and nothing serves it")
    return Reason(SUPERSEDED, f"{current} took its place, {since}, and nothing serves it")
