# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases on lineages: waiting for one that somebody else has, and keeping one's own up while the work goes on.

A lease is short, so that a dead owner is not waited for long; whoever works for longer says so again and again.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, Callable, Dict, Optional, Set

from ..contracts import Busy, Clock, Lease, SecretStore
from ..errors import BusyError, ClmError
from ..secret_stores._powers import LeaseExtender

Pause = Callable[[float, str], None]  # seconds, and what is waited for
PATIENCE = 300.0  # seconds
LOOK_AGAIN = 1.0
AT_ONCE = 0.05
NEXT = "wait for the other run to end, then run again; a run that died is not waited for once its lease has expired"


def telling(say: Callable[[str], None], sleep: Callable[[float], None]) -> Pause:
    """A pause that also says what is waited for, once for each holder and lineage."""
    told: Set[str] = set()

    def pause(seconds: float, why: str) -> None:
        who = why.partition(" until ")[0]  # the rest changes as the holder goes on
        if who not in told:
            told.add(who)
            say(f"waiting at most {PATIENCE:.0f} seconds: {why}")
        sleep(seconds)

    return pause


def lease_of(store: SecretStore, lineage: str, expected_current: Optional[str], pause: Optional[Pause] = None) -> Lease:
    """The lease; where somebody else has it, it is waited for as long as PATIENCE says. BusyError names who has it.

    `pause` None does not wait. A current version that is not the expected one is no reason to wait.
    """
    return _taken(store, lineage, lambda: expected_current, pause, moving=False)


def lease_of_any(store: SecretStore, lineage: str, pause: Optional[Pause] = None) -> Lease:
    """The lease, whatever the current version is by then; the caller judges again under it."""
    return _taken(store, lineage, lambda: store.current(lineage), pause, moving=True)


def _taken(store: SecretStore, lineage: str, expected: Callable[[], Optional[str]], pause: Optional[Pause], moving: bool) -> Lease:
    waited = 0.0
    while True:
        answer = store.begin(lineage, expected())
        if not isinstance(answer, Busy):
            return answer
        if pause is None or waited >= PATIENCE or (answer.until is None and not moving):
            raise BusyError(answer.message, hint=NEXT, field=lineage)
        seconds = LOOK_AGAIN if answer.until is not None else AT_ONCE
        pause(seconds, answer.message)
        waited += seconds


class Holding:
    """Keeps the leases that were added from expiring, in a thread of its own, until the block ends.

    One that was taken over all the same is let go: the store refuses its fence at the next write.
    """

    def __init__(self, store: SecretStore, clock: Clock, least: float = LOOK_AGAIN) -> None:
        self._store = store
        self._clock = clock
        self._least = least  # seconds between two times
        self._leases: Dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def __enter__(self) -> Holding:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def add(self, lease: Lease) -> Lease:
        """The same lease; the first one starts the thread."""
        with self._lock:
            self._leases[lease.lineage] = lease
        if self._thread is None and isinstance(self._store, LeaseExtender):
            third = max(self._least, (lease.expires - self._clock()).total_seconds() / 3)
            self._thread = threading.Thread(target=self._extend, args=(third,), name="clm-leases", daemon=True)
            self._thread.start()
        return lease

    def end(self, lease: Lease) -> None:
        """Give it back; one that cannot be is free when it has expired."""
        with self._lock, suppress(ClmError):
            self._leases.pop(lease.lineage, None)
            self._store.end(lease)

    def _extend(self, every: float) -> None:
        while not self._ended.wait(every):
            with self._lock:
                held = list(self._leases.values())
            for lease in held:
                self._again(lease)

    def _again(self, lease: Lease) -> None:
        """One that is given back meanwhile must not be taken up again, so both happen under the lock."""
        with self._lock, suppress(ClmError):
            if lease.lineage in self._leases and not self._ended.is_set() and isinstance(self._store, LeaseExtender):
                self._store.extend(lease)
