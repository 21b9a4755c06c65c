# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doubting the controller's clock: a second one that is at hand, before anything is issued by the first."""

from __future__ import annotations

from typing import List

from ..contracts import SecretStore
from ..errors import ClmError
from ..secret_stores._powers import Timed

TOLERANCE = 300.0  # seconds, as the check of a CA's answer allows
UNITS = ((365 * 86400, "year"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def refuse_wrong_clock(store: SecretStore) -> None:
    """ClmError when the controller's clock is not that of the file system which the store lies on."""
    off = store.clock_ahead() if isinstance(store, Timed) else 0.0
    if abs(off) > TOLERANCE:
        said = sentence(off, "that of the file system which holds the secret store")
        raise ClmError(f"{said} Nothing was asked for.", hint="compare both with a third clock, set the wrong one, then run again")


def sentence(off: float, whose: str) -> str:
    """What is wrong, for a person who does not know yet which of the two is."""
    word = "ahead of" if off > 0 else "behind"
    return f"One of two clocks is wrong: the controller's is {duration(off)} {word} {whose}."


def duration(seconds: float) -> str:
    """The one or two largest units, such as `1 hour 5 minutes`."""
    said: List[str] = []
    rest = int(abs(seconds))
    for length, unit in UNITS:
        count, rest = divmod(rest, length)
        if count and len(said) < 2:
            said.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(said) or "0 seconds"
