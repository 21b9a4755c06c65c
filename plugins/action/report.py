# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused
from ansible_collections.certops.clm.plugins.plugin_utils.report.gather import gather, said, write_report
from ansible_collections.certops.clm.plugins.plugin_utils.report.write import differs, headline_of
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import reason_to_ignore
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
            result.update(untrusted(_write(args, load(args["manifest"]), bool(self._task.check_mode))))
        except ClmError as error:
            result.update(refused(error, self._task.args))
        return result


def _write(args: Mapping[str, Any], manifest: Manifest, check_mode: bool) -> Dict[str, Any]:
    store, now = open_store(manifest.secret_store, utc_now), utc_now()
    folder = args["folder"] or manifest.report
    before = headline_of(Path(folder))
    known = {name: args[name] for name in ("title", "not_seen")}
    known["ignore_windows"] = reason_to_ignore(args["ignore_windows"])
    if check_mode:
        report = gather(manifest, store, args["run_id"], now, **known)
        done = {"changed": differs(Path(folder), report), "files": {}, **said(report)}
    else:
        done = write_report(manifest, store, args["run_id"], now, folder=folder, **known)
    if done["changed"]:
        done["diff"] = {"before": {"headline": before}, "after": {"headline": done["headline"]}}
    return done
