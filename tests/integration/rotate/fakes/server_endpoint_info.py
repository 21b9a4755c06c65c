# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look from a server that is none: it shows a certificate at each endpoint, or does what the script says."""

from __future__ import annotations

from typing import Any, Dict

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import HOSTILE, log, script

PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"  # enough of one: the judge is scripted too


class ActionModule(ActionBase):
    """One run for each server by its lead."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        ids = [str(row["id"]) for row in self._task.args["endpoints"]]
        acts = {item: script("looked").get(item.split("/")[0], "") for item in ids}
        log("looked", [item.split("/")[0] for item in ids])
        act = next(filter(None, acts.values()), "")
        if act == "raise":
            raise RuntimeError(HOSTILE)
        if act == "unreachable":
            raise AnsibleConnectionFailure(f"scripted: {HOSTILE}")
        if act == "module":  # a real module on the real connection: what is wrong is in the host's variables
            return self._execute_module(module_name="ansible.builtin.ping", task_vars=task_vars)  # type: ignore[no-any-return]
        if act == "text":
            return {**result, "looks": HOSTILE}
        row = {"address": "", "answer": "answered", "sha256": HOSTILE, "chain_pem": [PEM], "sent": 1, "detail": ""}
        rows = {item: [{**row, "answer": HOSTILE, "detail": HOSTILE} if acts[item] == "blind" else row] for item in ids}
        return {
            **result,
            "looks": {item: [7] if acts[item] == "garbage" else found for item, found in rows.items() if acts[item] != "missing"},
        }
