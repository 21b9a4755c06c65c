# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What some challengers can do beyond the contract; the issuer asks for each with isinstance."""

from __future__ import annotations

from typing import Any, Mapping, Protocol, runtime_checkable

from ..contracts import Challenge


@runtime_checkable
class HandsOut(Protocol):
    """A challenger that reaches no place itself: tasks on other hosts publish its proofs between two calls, and withdraw them.

    Its `publish` and `withdraw` have nothing left to do.
    """

    def handed_out(self, challenge: Challenge) -> Mapping[str, Any]:
        """What is to be published where, as plain data (`published.py` reads it); ClmError when the challenge cannot be."""
