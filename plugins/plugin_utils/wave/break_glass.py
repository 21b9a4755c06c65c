# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wave while the ledger cannot be written: only deployments that serve what has expired or is compromised stay in its plan. Pure.

The others are deferred, not failed: a red one would end the run before the wave in which something has expired comes. The
run itself ends in red, by its last play. That play knows only what the run began with (`shut` in the plan): where the ledger
shut in the middle of a run, the wave itself is red, and the next run goes on with those.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Mapping, Optional

from ansible_collections.certops.clm.plugins.module_utils._ledger_session import allowed, refusal
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.moments import moment_of
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, FAILED, PENDING, Outcome
from ansible_collections.certops.clm.plugins.module_utils.runbooks import DEAD
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, positive

STEP = "break_glass"
MIDWAY = (
    "Mend the ledger, or run certops.clm.rotate again as it is: it goes on with what has expired or is compromised, and issues nothing "
    "twice."
)


def urgent_only(plan: Mapping[str, Any], shut: ClmError, now: datetime) -> Dict[str, Any]:
    """The plan with every other item put aside, before anything is issued for it or deployed."""
    ends = {host: _end(item["before"]) for host, item in plan["items"].items()}
    items = {host: item for host, item in plan["items"].items() if allowed("deploy", ends[host], now, _dead(plan, item))}
    state = DEFERRED if plan.get("shut") else FAILED
    refused = {host: _refused(shut, ends[host], item, state) for host, item in plan["items"].items() if host not in items}
    return {**plan, "items": items, "refused": {**plan["refused"], **refused}}


def _refused(shut: ClmError, end: Optional[datetime], item: Mapping[str, Any], state: str) -> Dict[str, Any]:
    error = refusal(shut, end)
    action = error.hint if state == DEFERRED else MIDWAY
    return Outcome(state, STEP, before=item["before"], message=error.message, next_action=action).as_dict()


def spooled_midway(plan: Mapping[str, Any], outcomes: Mapping[str, OutcomeDict], shut: Optional[ClmError]) -> Dict[str, OutcomeDict]:
    """The outcomes where the ledger shut during the run: what is done stays done, but nothing here may look green."""
    after = {host: dict(outcome) for host, outcome in outcomes.items()}
    for outcome in after.values() if shut is not None and not plan.get("shut") else ():
        if positive(outcome) or outcome["state"] in (PENDING, DEFERRED):
            said = "Served and proven, but recorded" if positive(outcome) else "It is recorded"
            message = f"{outcome['message']} {said} in the spool only: {shut.message}.".strip()
            outcome.update(state=FAILED, step=STEP, message=message, next_action=MIDWAY)
    return after


def _dead(plan: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether what is to be replaced is compromised or revoked: by why its lineage is issued, or by what is served there."""
    lineage = plan.get("lineages", {}).get(item["lineage"], {})
    return (item.get("issue") or {}).get("word") in DEAD or item["before"].get("sha256") in lineage.get("dead", ())


def _end(before: Mapping[str, Any]) -> Optional[datetime]:
    """Until when what is served is valid; None when nothing is, or it cannot be read."""
    return moment_of(before.get("not_after"))
