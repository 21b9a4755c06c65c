# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a due deployment waits for its change window, or goes ahead outside of it, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Dict, Mapping, Optional

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Schedule
from ansible_collections.certops.clm.plugins.module_utils.outcome import Reason
from ansible_collections.certops.clm.plugins.module_utils.policy.duration import in_words
from ansible_collections.certops.clm.plugins.module_utils.policy.patience import PATIENCE
from ansible_collections.certops.clm.plugins.module_utils.policy.windows import Answer, Calendar
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate, rfc3339

LONGEST = 500
AT_ONCE = ("compromised", "revoked", "forced")
GOING_BACK = "somebody asked to go back"
OVERRIDE = "Run the rotation again when it is open, or now with -e clm_ignore_windows='why'."


@dataclass(frozen=True)
class Timing:
    """A due deployment whose calendar is closed: `closed` says by what, `opens` when no longer, None when that is not known.

    It waits, unless `urgent` says why it must not.
    """

    closed: str
    opens: Optional[datetime]
    urgent: str = ""

    @property
    def waits(self) -> bool:
        """True when it is left alone for now."""
        return not self.urgent

    @property
    def sentence(self) -> str:
        """For people: why it waits and until when, or why it does not."""
        if self.urgent:
            return f"{self.closed}, but it does not wait: {self.urgent}"
        return f"{self.closed}; the next opening is {self.when}"

    @property
    def when(self) -> str:
        """The next opening in words."""
        return rfc3339(self.opens) if self.opens else "not within five years"


class Timer:
    """Judges for one moment, each calendar once. `ignored` is why somebody wants no window to count, empty when they do."""

    def __init__(self, schedule: Schedule, now: datetime, ignored: str = "") -> None:
        self._schedule, self._now, self._ignored = schedule, now, ignored
        self._answers: Dict[Calendar, Answer] = {}

    def judge(
        self,
        lineage: Lineage,
        issue: Optional[Reason],
        deploy: Optional[Reason],
        served: Optional[Certificate],
        wanted: Mapping[str, Any],
    ) -> Optional[Timing]:
        """None when it may be changed now, or when nothing is to be changed; `wanted` is what the store says of the version."""
        if issue is None and (deploy is None or deploy.word == "unproven"):  # only a proof is missing, which changes nothing
            return None
        calendar = self._schedule.calendar_of(lineage)
        if calendar not in self._answers:
            self._answers[calendar] = calendar.open_at(self._now)
        answer = self._answers[calendar]
        if answer.open:
            return None
        urgent = self._asked_for(lineage, issue, wanted) or self._dead(lineage, served) or self._too_late(served)
        return Timing(answer.why, answer.opens, urgent)

    def _asked_for(self, lineage: Lineage, issue: Optional[Reason], wanted: Mapping[str, Any]) -> str:
        if self._ignored:
            return f"windows and freezes are ignored in this run ({self._ignored})"
        if issue is not None and issue.word in AT_ONCE:
            return issue.sentence
        if lineage.forced and wanted.get("forced") == lineage.forced:
            return f"asked for: {lineage.forced}"
        return ""

    @staticmethod
    def _dead(lineage: Lineage, served: Optional[Certificate]) -> str:
        return "what is served is declared compromised" if served is not None and served.sha256 in lineage.compromised else ""

    def _too_late(self, served: Optional[Certificate]) -> str:
        """Why too little life is left in what is served; the verdict of a wave counts in the same way."""
        if served is None or served.not_before is None or served.not_after is None:
            return "nothing is known to be served there that would hold until then"
        left = served.not_after - self._now
        floor = floor_of(served.not_after - served.not_before, self._schedule.floor)
        if left > floor:
            return ""
        if left <= timedelta():
            return f"what is served expired at {rfc3339(served.not_after)}"
        return f"what is served holds only for {_words(left)} more, until {rfc3339(served.not_after)}, and the floor is {_words(floor)}"


def reason_to_ignore(value: Any) -> str:
    """Why somebody wants no window and no freeze to count in this run, empty when they do; the ledger keeps it."""
    if value is None or value is False or value == "":
        return ""
    text = " ".join(str(value).split()) if isinstance(value, str) else ""
    if len(text) < 3:
        hint = "the ledger keeps the reason: -e \"clm_ignore_windows='ticket 4711, the CA is revoked tonight'\""
        raise ConfigError("a reason in words is needed", hint=hint, field="clm_ignore_windows")
    return text[:LONGEST]


def floor_of(life: timedelta, wish: Optional[int]) -> timedelta:
    """How much life must be left for a window to hold anything up: the wish, and never less than twelve hours or a quarter."""
    return max(PATIENCE, life / 4, timedelta(seconds=wish or 0))


def _words(length: timedelta) -> str:
    return in_words(int(length.total_seconds()))
