# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wave while the ledger cannot be written: only deployments that serve what has expired stay in its plan. Pure.

The others are deferred, not failed: a red one would end the run before the wave in which something has expired comes. The
run itself ends in red, by its last play.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Mapping, Optional

from ansible_collections.certops.clm.plugins.module_utils._ledger_session import allowed, refusal
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, Outcome

STEP = "break_glass"


def expired_only(plan: Mapping[str, Any], shut: ClmError, now: datetime) -> Dict[str, Any]:
    """The plan with every other item put aside, before anything is issued for it or deployed."""
    ends = {host: _end(item["before"]) for host, item in plan["items"].items()}
    items = {host: item for host, item in plan["items"].items() if allowed("deploy", ends[host], now)}
    refused = {host: _refused(shut, ends[host], item) for host, item in plan["items"].items() if host not in items}
    return {**plan, "items": items, "refused": {**plan["refused"], **refused}}


def _refused(shut: ClmError, end: Optional[datetime], item: Mapping[str, Any]) -> Dict[str, Any]:
    error = refusal(shut, end)
    return Outcome(DEFERRED, STEP, before=item["before"], message=error.message, next_action=error.hint).as_dict()


def _end(before: Mapping[str, Any]) -> Optional[datetime]:
    """Until when what is served is valid; None when nothing is, or it cannot be read."""
    text = str(before.get("not_after") or "")
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
