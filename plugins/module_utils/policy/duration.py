# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them."""

from __future__ import annotations

import re
from typing import Union

from ..errors import ConfigError

DAY = 86_400
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": DAY}
_TEXT = re.compile(r"([0-9]{1,9})([smhd]?)\Z")
MAX_SECONDS = 100 * 366 * DAY


def duration(value: Union[str, int], field: str = "duration") -> int:
    """Seconds from "90d", "12h", "45m", "30s" or a number of seconds; ConfigError names the field for anything else.

    A day is 86,400 seconds and a fraction of a unit is not taken (CA/Browser Forum BR section 6.3.2 counts the same way).
    """
    seconds = -1
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = int(value)
    elif isinstance(value, str):
        match = _TEXT.match(value.strip())
        if match:
            seconds = int(match.group(1)) * _UNITS[match.group(2)]
    if not 0 <= seconds <= MAX_SECONDS:
        raise ConfigError(f"{str(value)[:40]!r} is no duration", hint='write "90d", "12h", "45m" or seconds, up to 100 years', field=field)
    return seconds


def in_words(seconds: int) -> str:
    """The duration for people: whole days where it is at least two of them, else hours, minutes or seconds."""
    for unit, size in (("days", DAY), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            whole, rest = divmod(seconds, size)
            rounded = f"{seconds / size:.1f}"
            if rest == 0:
                return f"{whole} {unit}"
            return f"{whole} {unit} and {rest} seconds" if rounded.endswith(".0") else f"{rounded} {unit}"
    return f"{seconds} seconds"
