# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When each version was left for another one, as the ledger tells it; the store itself keeps no such date. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

from ..moments import moment_of

Version = Tuple[str, str]


class Dates:
    """By lineage and version: when it became the current one, when it was issued, and when anything last happened to it."""

    def __init__(self, events: Iterable[Mapping[str, Any]]) -> None:
        self._promoted: Dict[str, Dict[str, datetime]] = {}
        self._issued: Dict[str, Dict[str, datetime]] = {}
        self._last: Dict[Version, datetime] = {}
        for event in events:
            when = moment_of(event.get("time"))
            lineage, version = str(event.get("lineage") or ""), str(event.get("version") or "")
            if when is not None and lineage and version:
                self._note(event, lineage, version, when)

    def _note(self, event: Mapping[str, Any], lineage: str, version: str, when: datetime) -> None:
        ended = event.get("action") == "outcome" and event.get("state") == "done"
        if event.get("step") not in ("cleanup", "retire"):  # that it was to be dropped says nothing of its use
            self._last[lineage, version] = max(when, self._last.get((lineage, version), when))
        if event.get("action") == "promoted" or (ended and event.get("step") == "promote"):
            self._promoted.setdefault(lineage, {})[version] = when
        elif ended and event.get("step") == "issue":
            self._issued.setdefault(lineage, {}).setdefault(version, when)

    def began(self, lineage: str, version: str) -> Optional[datetime]:
        """When it became the current one, at the earliest when it was issued; None when the ledger does not say."""
        return self._promoted.get(lineage, {}).get(version) or self._issued.get(lineage, {}).get(version)

    def left(self, lineage: str, version: str) -> Optional[datetime]:
        """When another version took its place; None when the ledger does not say.

        A lineage of which no promotion is recorded promotes what it issues, so its dates of issue are those of promotion.
        """
        began = self.began(lineage, version)
        successors = self._promoted.get(lineage) or self._issued.get(lineage, {})
        later = [when for other, when in successors.items() if began is not None and other != version and when > began]
        return min(later) if later else None

    def last(self, lineage: str, version: str) -> Optional[datetime]:
        """When anything was last recorded of it; None when nothing was."""
        return self._last.get((lineage, version))
