# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a host green or red by its own outcome."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.outcome import CHANGED, DEFERRED, PENDING, PLANNED, POSITIVE
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.telling import completed, sentence
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import missing, shown


class ActionModule(ActionBase):
    """Reads what was recorded as it is, without a template: whatever is not a good outcome makes the host red, a wrong type too.

    It is the one task that every host of a wave costs, and a template would be compiled by each of their processes.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        variables: Mapping[str, Any] = task_vars or {}
        host = str(variables.get("inventory_hostname") or "")
        given = _recorded(variables.get(str(self._task.args.get("recorded"))), str(self._task.args.get("host") or host))
        outcome = completed(dict(given) if given.get("state") else missing("record"), variables, utc_now())
        # what waits for an issuer was made a failure before, where there is no time left to wait
        good = POSITIVE | {PENDING, DEFERRED} | ({PLANNED} if self._task.check_mode else set())
        said = sentence(outcome, utc_now, host)
        result.update(outcome=outcome, changed=outcome["state"] in CHANGED or outcome["state"] == PLANNED, msg=said)
        if result["changed"] and self._task.diff:
            result["diff"] = {side: shown(outcome.get(side)) for side in ("before", "after")}
        if outcome["state"] not in good:
            result["failed"] = True
        return result


def _recorded(registered: Any, host: str) -> Mapping[str, Any]:
    """The host's outcome in what the record registered; empty where there is none, whatever else is there."""
    outcomes = registered.get("outcomes") if isinstance(registered, Mapping) else None
    outcome = outcomes.get(host) if isinstance(outcomes, Mapping) else None
    return outcome if isinstance(outcome, Mapping) else {}
