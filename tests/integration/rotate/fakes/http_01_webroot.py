# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs on a web server that is none: it answers as the shipped module does, or as the script says. A file is named after its host."""

from __future__ import annotations

from typing import Any, Dict

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, FAILED, Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import HOSTILE, altered, log, script


class ActionModule(ActionBase):
    """One run for each web server, by a lead."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        step = "withdrawn" if self._task.args.get("state") == "absent" else "published"
        hosts = list(self._task.args["files"])
        act = next((script(step)[host] for host in hosts if host in script(step)), "")
        log(step, hosts)
        if act == "raise":
            raise RuntimeError(HOSTILE)
        if act == "unreachable":
            raise AnsibleConnectionFailure(f"scripted: {HOSTILE}")
        if act == "module":  # a real module on the real connection: what is wrong is in the host's variables
            return self._execute_module(module_name="ansible.builtin.ping", task_vars=task_vars)  # type: ignore[no-any-return]
        found = altered({host: Outcome(DONE, "publish").as_dict() for host in hosts}, step, "publish")
        bad = act == "fail" or any(one["state"] == FAILED for one in found.values())
        return {**result, "changed": True, "outcomes": HOSTILE if act == "text" else found, "failed": bad, "msg": "scripted"}
