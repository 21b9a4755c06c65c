# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What some secret stores can do beyond the contract: say how their keys lie at rest, and how their copies agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Protocol, Tuple, runtime_checkable


@dataclass(frozen=True)
class KeysAtRest:
    """How many keys are kept encrypted, and how many in clear."""

    encrypted: int
    clear: int

    def as_dict(self) -> Dict[str, int]:
        """The counts as results carry them."""
        return {"encrypted": self.encrypted, "clear": self.clear}


@runtime_checkable
class CountsKeys(Protocol):
    """A secret store that encrypts keys itself, or could."""

    def keys_at_rest(self) -> KeysAtRest:
        """Counted without a passphrase; no key is decrypted."""


@dataclass(frozen=True)
class Copy:
    """One copy of a store: who it is, and what is wrong when it cannot be reached (empty: nothing)."""

    store: str
    error: str = ""
    keys: Optional[KeysAtRest] = None

    def as_dict(self) -> Dict[str, Any]:
        """The copy as results carry it; `keys_at_rest` is empty where it cannot be told."""
        return {"store": self.store, "error": self.error, "keys_at_rest": self.keys.as_dict() if self.keys else {}}


@runtime_checkable
class Copied(Protocol):
    """A secret store that keeps everything in more than one place."""

    def copies(self) -> Tuple[Copy, ...]:
        """Every copy, in the order in which they are written."""

    def unreachable(self) -> Tuple[str, ...]:
        """One sentence for every copy that cannot be reached; cheap."""

    def divergences(self, lineage: str) -> Tuple[str, ...]:
        """One sentence for everything in which the copies that can be reached differ; empty when they agree."""
