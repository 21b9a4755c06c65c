# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the controller's clock is to be trusted: by a wrong one good certificates are due, and expired ones are good. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Collection, List, Mapping, Optional

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.clock import TOLERANCE, duration, sentence
from ansible_collections.certops.clm.plugins.module_utils.moments import moment_of
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, ServerLook

ALLOWED = "clock"
HINT = (
    "Compare both with a third clock (date -u; chronyc tracking), set the wrong one, then run again. If the servers are wrong and this "
    f'cannot wait, say so: -e \'{{"clm_allow_blind": ["{ALLOWED}"]}}\''
)


def ahead(result: Any, began: str, ended: datetime) -> Optional[float]:
    """By how many seconds at least the controller's clock is ahead of the server's, negative when behind, None when that is unknown.

    The server told its time between the two moments, so what lies between them is no difference.
    """
    first, told = moment_of(began), moment_of(result.get("now") if isinstance(result, Mapping) else "")
    if first is None or told is None:
        return None
    return max(0.0, (first - told).total_seconds()) or min(0.0, (ended - told).total_seconds() + 1.0)  # its text has no parts of seconds


def refuse_wrong_clock(seen: Observations, allowed: Collection[str]) -> None:
    """ClmError when most of the servers that were just asked have another time than the controller."""
    asked = {name: look.clock_ahead for name, look in _compared(seen).items() if look.clock_ahead is not None}
    wrong = {name: off for name, off in asked.items() if abs(off) > TOLERANCE}
    if ALLOWED in allowed or 2 * len(wrong) <= len(asked):
        return
    off = sorted(wrong.values())[len(wrong) // 2]
    who = f"that of {', '.join(sorted(wrong)[:5])}" if len(wrong) < 2 else f"those of {len(wrong)} of {len(asked)} servers ({_few(wrong)})"
    raise ClmError(f"{sentence(off, who)} Nothing was changed.", hint=HINT, runbook="blind")


def warnings(seen: Observations) -> List[str]:
    """One sentence for each server whose clock is not the controller's."""
    off = {name: look.clock_ahead or 0.0 for name, look in _compared(seen).items()}
    return [
        f"The clock of {name} is {duration(value)} {'behind' if value > 0 else 'ahead of'} the controller's."
        for name, value in off.items()
        if abs(value) > TOLERANCE
    ]


def _compared(seen: Observations) -> Mapping[str, ServerLook]:
    return {name: look for name, look in seen.servers.items() if look.reached and not look.kept_from}


def _few(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:5]) + (", ..." if len(names) > 5 else "")
