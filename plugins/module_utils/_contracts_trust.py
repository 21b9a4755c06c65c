# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of trust stores, as `contracts.py` hands it on. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Protocol, Sequence, Tuple, runtime_checkable


@dataclass(frozen=True)
class Trusted:
    """What a trust store holds: `bundle_pem` is every anchor as PEM, empty when there is none.

    `ref` is the provider's own, to write against. `doubt` says in one sentence why nobody can tell for certain what is in force there,
    and is empty when it is certain. `remarks` is what the other side says about the anchors.
    """

    bundle_pem: str = ""
    ref: str = ""
    doubt: str = ""
    remarks: Tuple[str, ...] = ()


@runtime_checkable
class TrustStore(Protocol):
    """A place that verifies what it is shown with a set of anchors. `key_types` are the keys of anchors that it takes, empty: any."""

    key_types: Tuple[str, ...]

    def identity(self) -> str:
        """A stable text that names the place."""

    def read(self) -> Optional[Trusted]:
        """What is in force there now, None when there is no trust store yet."""

    def write(self, bundle_pem: str, before: Optional[Trusted]) -> None:
        """Make exactly these anchors the ones in force, and return when they are. `before` is what was read: BusyError where the
        provider can tell that it is so no more."""


@dataclass(frozen=True)
class HeldList:
    """A revocation list as a trust store holds it: `ref` is what it is removed by."""

    ref: str
    der: bytes


@runtime_checkable
class RevocationLists(Protocol):
    """A trust store that holds revocation lists beside its anchors."""

    def lists(self, trusted: Trusted) -> List[HeldList]:
        """Every list that it holds now."""

    def add_list(self, trusted: Trusted, list_pem: str) -> None:
        """Hold this one too."""

    def remove_lists(self, trusted: Trusted, refs: List[str]) -> None:
        """Forget these; each is there."""


@runtime_checkable
class Removable(Protocol):
    """A trust store that can be taken away as a whole."""

    def users(self, trusted: Trusted) -> Sequence[str]:
        """What verifies by it now: as long as there is something, it is not taken away."""

    def remove(self, trusted: Trusted) -> None:
        """Take it away; ClmError when it is in use after all."""


@dataclass(frozen=True)
class Verification:
    """How a place verifies its clients: public facts with the provider's own words, `mode` among them. `ref` is to write against."""

    facts: Mapping[str, Any]
    ref: Any = None


class Verifier(Protocol):
    """A place that can ask its clients for certificates, and verify them by a trust store of its own cloud."""

    def identity(self) -> str:
        """A stable text that names the place."""

    def read(self) -> Verification:
        """How it verifies now; ClmError where there is no such place."""

    def wanted(self, check_mode: bool) -> Mapping[str, Any]:
        """The facts that the task asks for; ClmError where its trust store is not there or not in force. In check mode a trust store
        that is not there yet stands in them by its name, for a task before this one may make it."""

    def write(self, facts: Mapping[str, Any], before: Verification) -> None:
        """Make it so, and touch nothing else of the place."""
