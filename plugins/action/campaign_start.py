# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begins a rotation."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.edge import error_result
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.observations import load as load_observations
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import judge_all
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.report.gather import write_report
from ansible_collections.certops.clm.plugins.plugin_utils.wave import start
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger, open_store


class ActionModule(ActionBase):
    """Runs on the controller, where nothing has happened yet: here a failure may stop everything."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            args = validated(self)
            result.update(_begin(args, load(args["manifest"]), bool(self._task.check_mode)))
        except ClmError as error:
            result.update(failed=True, **error_result(error))
        return result


def _begin(args: Mapping[str, Any], manifest: Manifest, check_mode: bool) -> Dict[str, Any]:
    now = utc_now()
    seen = load_observations(manifest.observations)
    store = open_store(manifest.secret_store, utc_now)
    judged = {one.deployment.id: one for one in judge_all(manifest, seen, store, now)}
    spots = start.blind_spots(manifest, seen, judged, args["servers"], args["allow_blind"])
    if spots:
        raise ClmError(start.blind_message(spots), hint=start.BLIND_HINT)
    run_id = args["run_id"] or start.new_run_id(now)
    missing = [] if args["partial"] else start.left_out(judged, args["due"], now)
    if missing:
        raise ClmError(f"{len(missing)} deployments are due, but not in clm_due: {', '.join(missing[:5])}", hint=start.LEFT_OUT_HINT)
    found = start.sizes(args["due"], args["canaries"], judged, args["waves"])
    facts = start.summary(judged, args["due"], args["canaries"], now)
    with open_ledger(manifest, utc_now, check_mode) as ledger:
        ledger.append(start.events(run_id, facts))
    report = {} if check_mode else write_report(manifest, store, run_id, now)["files"]
    return {
        "changed": False,
        "run_id": run_id,
        "summary": facts,
        "report": report,
        "msg": start.sentence(facts, found),
        **found,
    }
