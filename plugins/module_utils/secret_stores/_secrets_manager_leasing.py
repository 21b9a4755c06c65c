# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leases of the store `aws_secrets_manager`: who may write to a lineage is part of its document.

A lease is held by whoever wrote the document last. It expires by the time that it says, or by a tag where it was held for longer: a tag
needs no version of the secret, of which AWS keeps about a hundred. Clocks decide only when a dead owner is waited for no longer; that a
late one writes nothing is decided by AWS, which moves AWSCURRENT from the version that was read or refuses.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, Optional, Tuple, Union

from .. import files
from ..contracts import DROPPED, RETIRED, Busy, Clock, Lease, StoredVersion
from ..errors import BusyError, ConfigError
from ..masking import Secret
from ._directory_version import VERSION_ID
from ._secrets_manager_document import Document
from ._secrets_manager_wire import Kept, Wire

LEASE_SECONDS = 300
SHORTEST, LONGEST = 10, 86400
TRIES = 4  # somebody else writes at the same time


def lease_seconds(options: Mapping[str, Any]) -> int:
    """How long a lease is; ConfigError for one that would end before anybody could make it longer, or not within a day."""
    seconds = int(options["lease_seconds"])
    if not SHORTEST <= seconds <= LONGEST:
        raise ConfigError(f"must be from {SHORTEST} to {LONGEST}, and is {seconds}", field="secret_store.lease_seconds")
    return seconds


@dataclass
class Held:
    """A lineage that this object has: what AWS keeps, what is to be written, and the keys that go first."""

    lease: Lease
    kept: Kept
    after: Document
    keys: Dict[str, Secret] = field(default_factory=dict)
    ending: bool = False

    @property
    def dirty(self) -> bool:
        """True while something is not written yet."""
        return self.after is not self.kept.document


class Leasing:
    """`begin`, `extend`, `end` and what they rest on."""

    def __init__(self, wire: Wire, clock: Clock, owner: str, seconds: int) -> None:
        self._wire, self._clock, self._owner = wire, clock, owner[:200]
        self._seconds = timedelta(seconds=seconds)
        self._lock = threading.RLock()  # leases are extended by a thread of their own
        self._held: Dict[str, Held] = {}
        self._ahead: Dict[str, Kept] = {}  # read many at a time, after a listing

    def begin(self, lineage: str, expected_current: Optional[str]) -> Union[Lease, Busy]:
        """Take the lineage; see the contract. What this object gave back and did not flush yet is taken up again."""
        files.check_name(lineage, "lineage")
        held = self._held.get(lineage)
        if held is not None and held.ending and (held.after.current or None) == expected_current:
            held.ending, held.after = False, replace(held.after, expires=held.lease.expires, owner=self._owner)
            return held.lease
        for _attempt in range(TRIES):
            kept = self._wire.read(lineage)
            busy = self._busy(lineage, kept, expected_current)
            if busy is not None:
                return busy
            lease = Lease(lineage, self._owner, kept.document.fence + 1, self._clock() + self._seconds)
            wanted = replace(kept.document, fence=lease.fence, owner=self._owner, expires=lease.expires)
            taken = self._wire.swap(lineage, kept, wanted)
            if taken is not None:
                self._ahead.pop(lineage, None)
                self._held[lineage] = Held(lease, taken, taken.document)
                if kept.document.expires is not None:  # whoever had it did not give it back
                    for version in self._wire.strays(lineage, taken.document):
                        self._wire.drop_key(lineage, version, 0)
                return lease
        return Busy(lineage, "", f"others keep taking the lineage {lineage}", self._clock() + timedelta(seconds=1))

    def _busy(self, lineage: str, kept: Kept, expected: Optional[str]) -> Optional[Busy]:
        document = kept.document
        until = document.expires
        if until is not None and until <= self._clock():
            until = _later(until, document.fence, self._wire.held(lineage, kept))
        if until is not None and until > self._clock():
            text = f"{document.owner or 'somebody'} has the lineage {lineage} until {until:%Y-%m-%dT%H:%M:%SZ}"
            return Busy(lineage, document.owner, text, until)
        if (document.current or None) != expected:
            return Busy(lineage, "", f"the current version of {lineage} is {document.current or 'none'}, not {expected or 'none'}")
        return None

    def extend(self, lease: Lease) -> Lease:
        """The same lease, for as long again from now; BusyError when somebody took the lineage over."""
        with self._lock:
            held = self._held.get(lease.lineage)
            if held is None or held.lease.fence != lease.fence or held.ending:
                raise lost(lease)
            longer = replace(held.lease, expires=self._clock() + self._seconds)
            if not self._wire.hold(lease.lineage, held.kept, f"{lease.fence} {longer.expires.timestamp():.0f}"):
                raise lost(lease)
            held.lease = longer
            return longer

    def end(self, lease: Lease) -> None:
        """Give the lineage back, with the next `flush` when something of it is not flushed yet."""
        with self._lock:
            held = self._held.get(lease.lineage)
            if held is None or held.lease.fence != lease.fence:
                return
            free = replace(held.after, expires=None, owner="")
            if held.dirty:
                held.ending, held.after = True, free
                return
            del self._held[lease.lineage]
            self._wire.swap(lease.lineage, held.kept, free)

    def times_taken(self, lineage: str) -> Tuple[int, bool]:
        """See the protocol Counting: the fences of the lineage are counted."""
        document = self._wire.read(files.check_name(lineage, "lineage")).document
        return document.fence, document.expires is None

    def count_up(self, lease: Lease, number: int) -> Lease:
        """See the protocol Counting."""
        held = self._fenced(lease)
        if number <= lease.fence:
            return lease
        for version, key in held.keys.items():
            self._wire.save_key(lease.lineage, version, key)
        kept = self._wire.swap(lease.lineage, held.kept, replace(held.after, fence=number))
        if kept is None:
            raise lost(lease)
        self._held[lease.lineage] = Held(replace(held.lease, fence=number), kept, kept.document)
        return self._held[lease.lineage].lease

    def _fenced(self, lease: Lease) -> Held:
        """What is held under the lease. Whether it still is is asked when it has expired; before, AWS says so when it is written."""
        held = self._held.get(lease.lineage)
        if held is None or held.lease.fence != lease.fence:
            raise lost(lease)
        if self._clock() >= held.lease.expires and self._wire.read(lease.lineage).id != held.kept.id:
            del self._held[lease.lineage]
            raise lost(lease)
        return held

    def _may_drop(self, lease: Lease, version: StoredVersion) -> None:
        name = f"version {version.version} of {lease.lineage}"
        if version.lineage != lease.lineage or not VERSION_ID.match(version.version) or version.state not in (DROPPED, RETIRED):
            raise ConfigError(f"{name} cannot be dropped as {version.state}")
        if version.state == DROPPED and self._fenced(lease).after.current == version.version:
            hint = "only retire ends a lineage with its current version"
            raise ConfigError(f"{name} is the current one: its key is not dropped", hint=hint)


def _later(until: datetime, fence: int, tag: Optional[str]) -> datetime:
    """The end of the lease, when its tag says a later one."""
    number, _space, seconds = (tag or "").partition(" ")
    if number != str(fence) or not seconds.isdecimal() or len(seconds) > 11:
        return until
    return max(until, datetime.fromtimestamp(int(seconds), timezone.utc))


def lost(lease: Lease) -> BusyError:
    """The error of a writer whose lease is somebody else's now."""
    return BusyError(f"the lease on {lease.lineage} was taken over or ended (fence {lease.fence})", hint="run again", field=lease.lineage)
