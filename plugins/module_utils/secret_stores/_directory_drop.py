# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destroying the key of a version: first its record says that there is none, durably, then key.pem is unlinked.

Killed in between, the key lies there and nobody reads it: `holds_key` says so, and dropping again ends it. The bytes are not
overwritten: on a journaling or copy-on-write file system that would promise what it cannot keep.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import ContextManager, Optional, Protocol

from .. import durable, files
from ..contracts import DROPPED, RETIRED, Lease, StoredVersion
from ..errors import ConfigError, NotFoundError
from ._directory_lease import holds
from ._directory_leasing import lost
from ._directory_unflushed import Step, Unflushed
from ._directory_version import KEY, RECORD, VERSION_ID, keeps_key, merged, record


class _Store(Protocol):
    """What dropping needs of the store that it belongs to."""

    _lock: RLock
    _step: Step
    _unflushed: Unflushed

    def load(self, lineage: str, version: Optional[str] = None) -> Optional[StoredVersion]:
        """See the contract."""

    def current(self, lineage: str) -> Optional[str]:
        """See the contract."""

    def flush(self) -> None:
        """See the contract."""

    def _folder(self, lineage: str) -> str:
        """Where the lineage is kept."""

    def _fenced(self, lease: Lease) -> ContextManager[str]:
        """Held while the lease is still its owner's."""


class Dropping:
    """`VersionDropper` for the store `directory`."""

    def drop(self: _Store, lease: Lease, version: StoredVersion) -> None:
        """See the protocol; what was saved before is flushed first."""
        _check(self, lease, version)
        with self._lock:
            if self._unflushed.leases:
                self.flush()
            before = self.load(lease.lineage, version.version)
            if before is None:
                raise NotFoundError(f"there is no version {version.version} of {lease.lineage}")
            place = f"{self._folder(lease.lineage)}/versions/{version.version}"
            try:
                with self._fenced(lease) as folder:
                    self._step("drop: record")
                    draft = _draft(place, record(merged(before, version), False), lease.fence)
                    if not holds(folder, lease.fence):  # where nothing is locked: else whoever took it over has removed the draft
                        os.unlink(draft)
                        raise lost(lease)
                    _destroy(place, draft, self._step)
            except OSError as error:
                raise files.explain(error, str(error.filename or place), "drop the key in") from error

    def holds_key(self: _Store, lineage: str, version: str) -> bool:
        """True while key.pem lies in the version's folder."""
        return bool(VERSION_ID.match(version)) and keeps_key(f"{self._folder(lineage)}/versions/{version}")


def _check(store: _Store, lease: Lease, version: StoredVersion) -> None:
    name = f"version {version.version} of {lease.lineage}"
    if version.lineage != lease.lineage or not VERSION_ID.match(version.version) or version.state not in (DROPPED, RETIRED):
        raise ConfigError(f"{name} cannot be dropped as {version.state}")
    if version.state == DROPPED and store.current(lease.lineage) == version.version:
        raise ConfigError(f"{name} is the current one: its key is not dropped", hint="only retire ends a lineage with its current version")


def _draft(place: str, data: bytes, fence: int) -> str:
    """The path of the new record, durable and not yet in its place. Raises OSError."""
    temporary = f"{place}/.{fence}-{RECORD}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        files.write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return temporary


def _destroy(place: str, draft: str, step: Step) -> None:
    """Record, then key, each durable before the next; Raises OSError."""
    step("drop: rename")
    os.rename(draft, f"{place}/{RECORD}")
    durable.sync_folder(place)
    for name in [name for name in os.listdir(place) if name == KEY or name.endswith(f"-{KEY}")]:
        step("drop: unlink")
        os.unlink(f"{place}/{name}")
    step("drop: sync")
    durable.sync_folder(place)
