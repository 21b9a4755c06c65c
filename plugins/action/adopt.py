# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adopts what was discovered."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils.edge import failure_message, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.outcome import as_dicts
from ansible_collections.certops.clm.plugins.plugin_utils.adopting import (
    Adoption,
    accept,
    default_path,
    difference,
    propose,
)
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.estate import survey
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused, told
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted


class ActionModule(ActionBase):
    """Reads what was observed, and writes files of the controller that people review."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            args = validated(self)
            manifest = load(args["manifest"])
            path = default_path(manifest, args["file"])
            adoption = accept(manifest, path) if args["state"] == "accepted" else _propose(manifest, path, task_vars or {})
            for name, text in ({} if self._task.check_mode else adoption.changed).items():
                files.write(name, text.encode(), mode=0o644)
        except ClmError as error:
            return {**result, **refused(error, self._task.args)}
        message = failure_message(adoption.outcomes)
        if message:
            result.update(failed=True, msg=message)
        done = {"changed": bool(adoption.changed), "file": path, "outcomes": as_dicts(adoption.outcomes), "diff": difference(adoption)}
        return told({**result, **done}, self._task.args)


def _propose(manifest: Manifest, path: str, task_vars: Mapping[str, Any]) -> Adoption:
    places = survey(manifest, [{"type": "findings"}], utc_now).places
    hostvars = task_vars.get("hostvars", {})
    names = {place.found.server for place in places}
    servers = {name: str(untrusted(hostvars[name].get("ansible_host") or name)) for name in names if name in hostvars}
    return propose(manifest, places, servers, path)
