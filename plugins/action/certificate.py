# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facade `certificate`: the issue flow in the controller's own process, with the issuer taken from the index."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils._edge_issue import issue_batch
from ansible_collections.certops.clm.plugins.module_utils.issuers import _index as issuers
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.edge import provider_options, run_action
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown


class ActionModule(ActionBase):
    """Batch: one outcome for each certificate, failing at the end when one failed."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        """The result of the task."""
        super().run(tmp, task_vars)
        return run_action(self, _work, loose=("certificates",))


def _work(params: Mapping[str, Any], check_mode: bool) -> Mapping[str, Outcome]:
    kind = params["issuer"].get("type")
    options = provider_options(issuers, params["issuer"], "issuer")
    return issue_batch(params, lambda clock: issuers.create(kind, options, clock), check_mode, shown())
