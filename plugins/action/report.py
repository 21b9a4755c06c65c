# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report."""

from __future__ import annotations

from typing import Any, Dict

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.edge import error_result
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.report.gather import gather, write_report
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_store


class ActionModule(ActionBase):
    """Reads what is known, and writes three files."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            args = validated(self)
            manifest = load(args["manifest"])
            store = open_store(manifest.secret_store, utc_now)
            if self._task.check_mode:
                result.update(changed=False, files={}, headline=gather(manifest, store, args["run_id"], utc_now())["headline"])
            else:
                done = write_report(manifest, store, args["run_id"], utc_now(), folder=args["folder"] or "", title=args["title"])
                result.update(changed=True, **done)
        except ClmError as error:
            result.update(failed=True, **error_result(error))
        return result
