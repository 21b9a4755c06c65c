# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An issuer that is one of a row: who else may have answered for a lineage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Optional, Protocol, runtime_checkable

from ..contracts import Issuer, KeyHolder


@runtime_checkable
class InRow(Protocol):
    """Power of an issuer that is asked in turn with others."""

    def stands_for(self, lineage: str, identity: str) -> bool:
        """Whether what the issuer of this identity gave to the lineage is as good as this one's own."""


@dataclass(frozen=True)
class By:
    """The issuer as a judgement needs it. `identity` is empty where it is only planned yet."""

    identity: str
    issuer: Issuer

    @cached_property
    def holder(self) -> Optional[KeyHolder]:
        """The issuer where it keeps the keys, None where they are made here or on a server."""
        return self.issuer if isinstance(self.issuer, KeyHolder) else None

    @property
    def key_origin(self) -> str:
        """Who makes a key for which nobody gave a request."""
        return "store" if self.holder is None else "issuer"

    def expected(self, lineage: str, given: str) -> str:
        """The identity that a certificate of the lineage should have, when it was issued by `given`."""
        if not given or given == self.identity:
            return self.identity
        return given if isinstance(self.issuer, InRow) and self.issuer.stands_for(lineage, given) else self.identity
