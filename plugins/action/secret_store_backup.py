# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a backup, in the controller's own process."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows._backup_parts import folders_of
from ansible_collections.certops.clm.plugins.module_utils.flows.backup import write_backup
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils.backups import passphrase, refuse_beside, run_backup_action, store_of

SHOWN = ("path", "sha256", "size", "lineages", "versions", "private_keys", "files")


class ActionModule(ActionBase):
    """One file; the task fails when something would be missing in it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        super().run(tmp, task_vars)
        return run_backup_action(self, _work)


def _work(args: Mapping[str, Any], check_mode: bool) -> Mapping[str, Any]:
    manifest = load(args["manifest"])
    refuse_beside(args)
    secret = passphrase(args, protects=folders_of(manifest, True))
    before = _there(args["path"])
    facts = write_backup(
        args["path"], secret, manifest, store_of(manifest.secret_store), utc_now,
        local_ca=args["local_ca"], allow_damaged=args["allow_damaged"], check_mode=check_mode,
    )  # fmt: skip
    return {"changed": True, **facts, "diff": {"before": before, "after": {name: facts[name] for name in SHOWN if facts.get(name)}}}


def _there(path: str) -> Dict[str, Any]:
    """What lies where the backup is to be, empty when nothing does."""
    path = os.path.abspath(os.path.expanduser(path))
    return {"path": path, "size": os.path.getsize(path)} if os.path.exists(path) else {}
