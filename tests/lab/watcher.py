# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that looks all the time, by new connections; holder.py has the one that keeps its connection.

    with Watcher(address, port, name, anchors=pem) as watcher:
        ...                                     # rotate
    assert watcher.errors == [] and watcher.seen == [old, new]
"""

from __future__ import annotations

import threading
import time
from typing import List, Set, Tuple

from .client import connect, sha256_of


class Watcher:
    """Opens verified TLS connections one after the other from entry to exit."""

    def __init__(self, address: str, port: int, name: str, *, anchors: str, starttls: str = "none", interval: float = 0.01) -> None:
        self.where = (address, port, name)
        self.anchors, self.starttls, self.interval = anchors, starttls, interval
        self.looks: List[Tuple[float, str]] = []  # seconds since the start, SHA-256
        self.errors: List[str] = []
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._watch, daemon=True)

    @property
    def seen(self) -> List[str]:
        """The SHA-256 values in the order in which they came, each run of the same one once."""
        values = [sha256 for _when, sha256 in self.looks]
        return [value for index, value in enumerate(values) if index == 0 or values[index - 1] != value]

    def last(self, count: int) -> Set[str]:
        """What the last looks saw; empty until there were so many."""
        values = [sha256 for _when, sha256 in self.looks[-count:]]
        return set(values) if len(values) == count else set()

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_nothing: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _watch(self) -> None:
        began = time.monotonic()
        while not self._stop.is_set():
            when = time.monotonic() - began
            try:
                with connect(*self.where, anchors=self.anchors, starttls=self.starttls) as connection:
                    self.looks.append((when, sha256_of(connection)))
            except OSError as error:  # ssl.SSLError is one
                self.errors.append(f"{when:.3f} s: {type(error).__name__}: {error}")
            self._stop.wait(self.interval)
