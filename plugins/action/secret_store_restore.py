# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a backup, in the controller's own process, and records it in the ledger that came back."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.edge import new_run_id, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.restore import restore
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils.backups import passphrase, run_backup_action, store_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger

SHOWN = ("path", "created", "lineages", "versions", "stores", "restored")


class ActionModule(ActionBase):
    """Everything back in its place, or nothing written."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        super().run(tmp, task_vars)
        return run_backup_action(self, _work)


def _work(args: Mapping[str, Any], check_mode: bool) -> Mapping[str, Any]:
    facts = restore(
        args["path"], passphrase(args), args["manifest"], store_of,
        local_ca=args["local_ca"], trust_manifest=args["trust_manifest"], check_mode=check_mode,
    )  # fmt: skip
    if facts["changed"]:
        facts["diff"] = {"before": {}, "after": {name: facts[name] for name in SHOWN if facts.get(name)}}
    if facts["changed"] and not check_mode:
        event = {"action": "restore", "run_id": new_run_id(), **{name: facts[name] for name in ("path", "created", "lineages", "versions")}}
        with open_ledger(load(args["manifest"]), utc_now, False, checkpoint=True) as ledger:
            ledger.append([event])
        if ledger.problems:
            return {**facts, "failed": True, "msg": f"everything was restored, but: {'; '.join(ledger.problems)}"}
    return facts
