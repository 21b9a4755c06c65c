# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the report puts things: states, times and numbers in words, and outside text made safe to read."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

STATE_TEXT = {
    "done": "moved",
    "unchanged": "nothing to do",
    "planned": "planned",
    "pending": "waiting for the issuer",
    "deferred": "deferred",
    "unproven": "not proven",
    "rolled_back": "rolled back",
    "failed": "failed",
    "due": "due",
    "waiting": "waits for its window",
    "held": "foreign, left alone",
    "good": "good",
    "kept": "kept",
    "not_seen": "not seen yet",
    "could_not_look": "could not look",
}
TONES = {
    "done": "good",
    "unchanged": "good",
    "planned": "warn",
    "pending": "warn",
    "deferred": "warn",
    "unproven": "bad",
    "rolled_back": "bad",
    "failed": "bad",
}


def visible(text: Any) -> str:
    """Text in which nothing hides: control and direction characters and odd line ends are shown as their code point."""
    shown = str(text)[:2000]
    if shown.isprintable():  # which leaves no more characters than the test below, and is a hundred times as fast
        return shown
    return "".join(f"<U+{ord(char):04X}>" if _hides(unicodedata.category(char)) else char for char in shown)


def _hides(category: str) -> bool:
    return category[0] == "C" or category in ("Zl", "Zp")


def safe_url(url: Any) -> str:
    """The address if a browser may open it from a report (http or https), else empty."""
    text = visible(url or "")
    return text if text.lower().startswith(("https://", "http://")) else ""


def short(sha256: Any) -> str:
    """The first 12 digits of a SHA-256, empty for none."""
    return visible(str(sha256 or "")[:12])


def with_short_hashes(text: str) -> str:
    """The text with every SHA-256 in it cut to its first 12 digits, for reading."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", text)


def count(number: int, noun: str) -> str:
    """'1 place', '2 places'."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def minute(when: Optional[datetime]) -> str:
    """A moment in UTC to the minute, empty for none."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if when else ""


def day(when: Optional[datetime]) -> str:
    """A day in UTC, empty for none."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%d") if when else ""


def span(length: timedelta) -> str:
    """A length of time in its largest fitting unit, rounded down: '61 days', '7 hours', '12 minutes'."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size or (unit != "day" and seconds >= size):
            return count(seconds // size, unit)
    return count(seconds, "second")


def ago(length: timedelta) -> str:
    """A length of time that has passed."""
    return f"{span(length)} ago"


def life_left(before: Optional[datetime], after: Optional[datetime], now: datetime) -> Optional[int]:
    """Whole per cent of a certificate's life that is left, None where that cannot be said."""
    if before is None or after is None or after <= before:
        return None
    return max(0, min(100, int(100 * (after - now) / (after - before))))
