# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A `flush` that made some lineages durable and others not: its error says which, and costs their neighbours nothing."""

from __future__ import annotations

from typing import FrozenSet, List, Mapping, Optional, Tuple

from ..errors import BusyError, ClmError


class NotDurableError(ClmError):
    """Of everything that was saved only these lineages are not durable."""

    lineages: Tuple[str, ...] = ()


class LostError(BusyError, NotDurableError):
    """The same, since somebody else took them over."""


def only_of(error: ClmError) -> Optional[FrozenSet[str]]:
    """The lineages that an error of `flush` is about; None: it is about all of them."""
    return frozenset(error.lineages) if isinstance(error, NotDurableError) else None


def not_durable(errors: Mapping[str, ClmError], total: int) -> NotDurableError:
    """One error of the errors by lineage; `total` is how many lineages there were."""
    lost = sorted(lineage for lineage, error in errors.items() if isinstance(error, BusyError))
    others: List[ClmError] = [error for error in errors.values() if not isinstance(error, BusyError)]
    found: NotDurableError
    if lost:
        names = ", ".join(lost[:5]) + (" and more" if len(lost) > 5 else "")
        more = f"; and {others[0].message}" if others else ""
        found = LostError(f"{len(lost)} of {total} lineages were taken over by somebody else: {names}{more}", hint="run again")
    else:
        found = NotDurableError(others[0].message, hint=others[0].hint, field=others[0].field)
    found.lineages = tuple(sorted(errors))
    return found
