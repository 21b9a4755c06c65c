# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What some targets can do beyond the contract; the deploy flow asks for each with isinstance.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from typing import List, Optional, Protocol, Sequence, Tuple, runtime_checkable

from ..contracts import Deployed, Proof, SecretStore, Version, Where
from ..errors import ClmError


class RefusedError(ClmError):
    """Raised by `put`, `bind` and their batch forms when nothing was changed: what was served before is served still."""


class InUseError(RefusedError):
    """Raised by `drop`: somebody uses the copy, so it is still there."""


@runtime_checkable
class Planner(Protocol):
    """A target that sees before any write that a version cannot be deployed."""

    def plan(self, wheres: Sequence[Tuple[Where, Version]]) -> List[Optional[ClmError]]:
        """One answer for each in their order, None when nothing speaks against it; writes nothing, also in check mode."""


@runtime_checkable
class HeldBinder(Protocol):
    """A target that serves certificates whose key their issuer keeps (`Version.held`), where it keeps them in the right place."""

    def held_in(self, where: Where) -> str:
        """In which place the key must be kept to be served here, in the words of `KeyHolder.held_in`."""


@runtime_checkable
class Holder(Protocol):
    """A target that can compare more than the certificate: modes, keys, layout."""

    def holds(self, where: Where, version: Version) -> bool:
        """True when the place holds exactly what put and bind would make of the version."""


@runtime_checkable
class BatchBinder(Protocol):
    """A target that binds many places in one go, as a server with one reload."""

    def bind_many(self, pairs: Sequence[Tuple[Where, str]]) -> List[Optional[ClmError]]:
        """One answer for each pair in their order, None when it was bound; an error is an answer."""


@runtime_checkable
class BatchProver(Protocol):
    """A target that looks at many places at once, so that waiting for one is no waiting for the others."""

    def prove_many(self, pairs: Sequence[Tuple[Where, str]]) -> List[Proof]:
        """One proof for each place and SHA-256, in their order."""


@runtime_checkable
class Adviser(Protocol):
    """A target that is no server program, and so has words of its own for what a person does next."""

    mend: str  # when it did not serve what was bound
    again: str  # when nobody could look


@runtime_checkable
class KeySender(Protocol):
    """A target that sends private keys to an API; whoever made it says once where they are, before anything is deployed."""

    def take_keys_from(self, store: SecretStore) -> None:
        """Read keys there, each at the moment it is sent, and what was deployed before where putting is binding."""


@runtime_checkable
class Settler(Protocol):
    """A target that keeps the previous version until it is told how the transaction ended."""

    def previous(self, where: Where) -> Optional[Deployed]:
        """What was bound before the latest transaction, None when nothing is kept or nothing was bound."""

    def phase(self, where: Where) -> str:
        """How far the latest transaction went: empty (there is none), `open`, or what `settle` was told."""

    def settle(self, where: Where, phase: str) -> bool:
        """Remember how the transaction ended (`proven`, `unproven`, `restored`, `committed`); True when that is news."""
