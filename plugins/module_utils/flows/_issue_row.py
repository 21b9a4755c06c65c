# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An issuer that is one of a row: who else may have answered for a lineage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..contracts import Issuer


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

    def expected(self, lineage: str, given: str) -> str:
        """The identity that a certificate of the lineage should have, when it was issued by `given`."""
        if not given or given == self.identity:
            return self.identity
        return given if isinstance(self.issuer, InRow) and self.issuer.stands_for(lineage, given) else self.identity
