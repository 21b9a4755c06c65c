# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of a module that needs nothing of the controller but the end of its message: only there this run's command is known."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.plugins.action.normal import ActionModule as NormalAction

from ansible_collections.certops.clm.plugins.plugin_utils.refusing import told

PAGES = {"ledger_": "ledger", "secret_store_": "store", "server_": "blind", "aws_": "blind"}  # the last two look, and did not see

WRITING = ("_deployment", "_trust_store")


def page_of(module: str) -> str:
    """The page of a module whose error names none, by what it is about."""
    name = module.rpartition(".")[2]
    found = next((page for start, page in PAGES.items() if name.startswith(start) and not name.endswith(WRITING)), "")
    return found or ("deploy" if name.endswith("_deployment") else "refused")


class PlainAction(NormalAction):  # type: ignore[misc]
    """Runs the module where the task says, as Ansible would without this action."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        """The module's result; a failure ends with what its reader needs next."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        return told(result, self._task.args, page_of(type(self).__module__), here=self._connection.transport == "local")
