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
    """Reads its argument as it is: whatever is not a good outcome makes the host red, a wrong type too."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args.get("outcome")
        outcome = dict(given) if isinstance(given, Mapping) and given.get("state") else missing("record")
        outcome = completed(outcome, task_vars or {}, utc_now())
        # what waits for an issuer was made a failure before, where there is no time left to wait
        good = POSITIVE | {PENDING, DEFERRED} | ({PLANNED} if self._task.check_mode else set())
        said = sentence(outcome, utc_now, str((task_vars or {}).get("inventory_hostname") or ""))
        result.update(outcome=outcome, changed=outcome["state"] in CHANGED or outcome["state"] == PLANNED, msg=said)
        if result["changed"]:
            result["diff"] = {side: shown(outcome.get(side)) for side in ("before", "after")}
        if outcome["state"] not in good:
            result["failed"] = True
        return result
