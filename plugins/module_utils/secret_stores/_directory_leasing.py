# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leases of the store `directory`: who may write to a lineage, and whether what is there is what was expected."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import RLock
from typing import Any, Dict, Iterator, Mapping, Optional, Protocol, Set, Tuple, Union

from .. import durable, files
from ..contracts import Busy, Clock, Lease, StoredVersion
from ..errors import BusyError, ConfigError
from . import _directory_lease as leases
from ._directory_unflushed import Step, Unflushed, clean, made

LEASE_SECONDS = 120  # whoever works for longer extends; a dead owner is waited for no longer
SHORTEST, LONGEST = 2, 86400


def lease_seconds(options: Mapping[str, Any]) -> int:
    """How long a lease is; ConfigError for one that would end before anybody could make it longer, or not within a day."""
    given = options.get("lease_seconds")
    seconds = LEASE_SECONDS if given is None else int(given)
    if not SHORTEST <= seconds <= LONGEST:
        raise ConfigError(f"must be from {SHORTEST} to {LONGEST}, and is {seconds}", field="secret_store.lease_seconds")
    return seconds


class _Store(Protocol):
    """What leasing needs of the store that it belongs to."""

    _lock: RLock
    _owner: str
    _clock: Clock
    _now: Clock
    _seconds: timedelta
    _step: Step
    _unflushed: Unflushed
    _saved: Dict[str, Dict[str, StoredVersion]]
    _fresh: Set[str]
    _ending: Dict[str, Lease]

    def current(self, lineage: str) -> Optional[str]:
        """See the contract."""

    def end(self, lease: Lease) -> None:
        """See the contract."""

    def _folder(self, lineage: str) -> str:
        """Where the lineage is kept."""

    def _prepare(self) -> None:
        """Make the folders of the store; refuse a place where others could swap them."""

    def _current_under(self, lease: Lease, folder: str, unclean: bool) -> Optional[str]:
        """What is current while the lease is held."""


class Leasing:
    """`begin`, `extend` and `end` for the store `directory`."""

    def begin(self: _Store, lineage: str, expected_current: Optional[str]) -> Union[Lease, Busy]:
        """Take the lineage; see the contract. What this object gave back and did not flush yet is taken up again."""
        folder = self._folder(lineage)
        if lineage in self._ending and self.current(lineage) == expected_current:
            return self._ending.pop(lineage)
        self._prepare()
        self._fresh.discard(lineage)
        try:
            fresh = made(folder)
            now = self._now()
            expires = now + self._seconds
            taken = leases.take(folder, self._owner, now, expires)
        except OSError as error:
            raise files.explain(error, folder, "take the lease in") from error
        if isinstance(taken, leases.Held):
            until = f" until {taken.expires:%Y-%m-%dT%H:%M:%SZ}" if taken.expires else ""
            return Busy(lineage, taken.owner, f"{taken.owner or 'somebody'} has the lineage {lineage}{until}", taken.expires or expires)
        lease = Lease(lineage, self._owner, taken.fence, self._clock() + self._seconds)
        if fresh and taken.fence == 1:  # else somebody had it since it was made
            self._fresh.add(lineage)
        current = None if lineage in self._fresh else self._current_under(lease, folder, taken.unclean)
        if current != expected_current:
            self.end(lease)
            return Busy(lineage, "", f"the current version of {lineage} is {current or 'none'}, not {expected_current or 'none'}")
        return lease

    def extend(self: _Store, lease: Lease) -> Lease:
        """The same lease, for as long again from now; BusyError when somebody took the lineage over."""
        folder = self._folder(lease.lineage)
        try:
            held = leases.extend(folder, lease.fence, self._owner, self._now() + self._seconds)
        except OSError as error:
            raise files.explain(error, folder, "extend the lease in") from error
        if not held:
            raise lost(lease)
        return replace(lease, expires=self._clock() + self._seconds)

    def times_taken(self: _Store, lineage: str) -> Tuple[int, bool]:
        """See the protocol Counting: the fences of the lineage are counted."""
        folder = self._folder(lineage)
        try:
            return leases.number(folder)
        except OSError as error:
            raise files.explain(error, folder, "read") from error

    def count_up(self: _Store, lease: Lease, number: int) -> Lease:
        """See the protocol Counting."""
        folder = self._folder(lease.lineage)
        if number <= lease.fence:
            return lease
        try:
            held = leases.raise_to(folder, lease.fence, number)
        except OSError as error:
            raise files.explain(error, folder, "extend the lease in") from error
        if not held:
            raise lost(lease)
        return replace(lease, fence=number)

    def _current_under(self: _Store, lease: Lease, folder: str, unclean: bool) -> Optional[str]:
        """The current version, once what a killed holder left behind is removed; an error gives the lease back."""
        try:
            if unclean:
                clean(folder)
                self._step("sync_left")
                _sync_left(folder)
            return self.current(lease.lineage)
        except BaseException as error:
            self.end(lease)
            if isinstance(error, OSError):
                raise files.explain(error, folder, "clean up in") from error
            raise

    def end(self: _Store, lease: Lease) -> None:
        """Give the lineage back, after the next `flush` when something of it is not flushed yet."""
        folder = self._folder(lease.lineage)
        if folder in self._unflushed.leases:
            self._ending[lease.lineage] = lease
            return
        self._saved.pop(lease.lineage, None)
        self._fresh.discard(lease.lineage)
        try:
            leases.give_back(folder, lease.fence)
        except OSError as error:
            raise files.explain(error, folder, "end the lease in") from error

    def _checked(self: _Store, lease: Lease) -> str:
        """The lineage's folder; BusyError when somebody took it over. Enough for what only a `flush` lets others see."""
        folder = self._folder(lease.lineage)
        if not leases.holds(folder, lease.fence):
            raise lost(lease)
        return folder

    @contextmanager
    def _fenced(self: _Store, lease: Lease) -> Iterator[str]:
        """The lineage's folder, when the lease is still the newest one, and it stays so until the block ends."""
        folder = self._folder(lease.lineage)
        try:
            with leases.kept(folder, lease.fence) as lock:
                if not lock.held:
                    raise lost(lease)
                yield folder
        except FileNotFoundError:
            if os.path.isdir(folder):
                raise
            raise lost(lease) from None


def lost(lease: Lease) -> BusyError:
    """The error of a writer whose lease is somebody else's now."""
    return BusyError(f"the lease on {lease.lineage} was taken over or ended (fence {lease.fence})", hint="run again", field=lease.lineage)


def _sync_left(folder: str) -> None:
    """What a killed holder had renamed to its place is there for us, but not yet for the time after a power cut."""
    versions = os.path.join(folder, "versions")
    there = [entry.path for entry in os.scandir(versions) if entry.is_dir(follow_symlinks=False)] if os.path.isdir(versions) else []
    durable.sync((), [*there, *([versions] if os.path.isdir(versions) else []), folder, os.path.dirname(folder)])
