# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What time it is for a file system: the same for all who share it, however wrong the clock of one of them is."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import datetime, timedelta
from typing import Optional, Tuple

from ..contracts import Clock

LOOK_AGAIN = 60.0  # seconds
SET = 1.0  # more than this, and somebody set the clock


class FileSystemTime:
    """The clock, corrected by what this machine's is off from the file system's that holds `folder`. OSError when that cannot be seen."""

    def __init__(self, folder: str, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._off = 0.0
        self._seen: Optional[Tuple[float, float]] = None  # when it was looked at, and what the machine's clock was set to then

    def __call__(self) -> datetime:
        return self._clock() - timedelta(seconds=self.ahead())

    def ahead(self) -> float:
        """By how many seconds this machine's clock is ahead of the file system's; looked at again each minute, and when it was set."""
        steady = time.monotonic()
        set_to = time.time() - steady
        if self._seen is None or steady - self._seen[0] > LOOK_AGAIN or abs(set_to - self._seen[1]) > SET:
            self._off = time.time() - made_now(self._folder)
            self._seen = (steady, set_to)
        return self._off if abs(self._off) > SET else 0.0  # what is less is how coarse file systems count


def made_now(folder: str) -> float:
    """When the file system says that a file was changed that is changed right now. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as made:
        os.utime(made.fileno())
        return os.fstat(made.fileno()).st_mtime
