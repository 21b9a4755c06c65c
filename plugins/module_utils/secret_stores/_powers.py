# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What some secret stores can do beyond the contract; flows ask for each with isinstance."""

from __future__ import annotations

from typing import Protocol, Tuple, runtime_checkable

from ..contracts import Lease, StoredVersion


@runtime_checkable
class VersionDropper(Protocol):
    """A secret store that can destroy the private key of a version and keep the rest as the record of it."""

    def drop(self, lease: Lease, version: StoredVersion) -> None:
        """Save the version as it is given, then destroy its key; durable on return, and again is no error.

        ConfigError for a state that is neither dropped nor retired, and for the current version while it is not retired.
        """

    def holds_key(self, lineage: str, version: str) -> bool:
        """True while a private key of the version lies in the store, also one that a killed run was about to destroy."""


@runtime_checkable
class Sharing(Protocol):
    """A secret store that can lie where only this machine sees it."""

    def refuse_unshared(self) -> None:
        """ConfigError when it does, and nobody said that every slice of a run sees it."""


@runtime_checkable
class Lasting(Protocol):
    """A secret store that can lie where it ends with the run."""

    def refuse_ephemeral(self) -> None:
        """ConfigError when it does, and nobody said that this is meant."""


@runtime_checkable
class Timed(Protocol):
    """A secret store that has a clock of its own."""

    def clock_ahead(self) -> float:
        """By how many seconds this machine's clock is ahead of it, negative when behind."""


@runtime_checkable
class LeaseExtender(Protocol):
    """A secret store whose leases can be held for longer than they were taken for."""

    def extend(self, lease: Lease) -> Lease:
        """The same lease, for as long again from now; BusyError when somebody took the lineage over."""


@runtime_checkable
class Counting(Protocol):
    """A secret store that knows how often a lineage was taken to be written: of two copies, the one that counted further is newer."""

    def times_taken(self, lineage: str) -> Tuple[int, bool]:
        """The count, and whether the last one ended in order; it goes back only when the store is put back from an earlier day."""

    def count_up(self, lease: Lease, number: int) -> Lease:
        """The same lease, counted as that number when it is higher; BusyError when somebody took the lineage over."""
