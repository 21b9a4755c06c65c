# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on a server that is none: it answers as the shipped one does, or as the script says."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, FAILED, UNCHANGED, Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.shipped.server_deployment import deployments_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import HOSTILE, altered, log, script

STEPS = {"requested": "request", "present": "prove", "restored": "restore", "committed": "commit"}


class ActionModule(ActionBase):
    """One run for each server by its lead."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        state, ids = self._task.args["state"], [str(item["id"]) for item in deployments_of(self._task.args)]
        acts = script(state)
        act = next((acts[item] for item in ids if item in acts), "")
        log(state, ids, remote=self._connection.transport)
        if act == "raise":
            raise RuntimeError(HOSTILE)
        if act == "unreachable":
            raise AnsibleConnectionFailure(f"scripted: {HOSTILE}")
        if act == "fail":
            return {**result, "failed": True, "msg": "scripted"}
        if act == "module":  # a real module on the real connection: what is wrong is in the host's variables
            return self._execute_module(module_name="ansible.builtin.ping", task_vars=task_vars)  # type: ignore[no-any-return]
        return {**result, **self._answer(state, ids, act)}

    def _answer(self, state: str, ids: List[str], act: str) -> Dict[str, Any]:
        if self._task.check_mode:
            return {"outcomes": {item: Outcome("planned", "plan").as_dict() for item in ids}}
        found = altered({item: Outcome(DONE, STEPS[state], message=f"scripted {state}").as_dict() for item in ids}, state, STEPS[state])
        answer: Dict[str, Any] = {"changed": True, "outcomes": found, "failed": any(one["state"] == FAILED for one in found.values())}
        if state == "requested":
            made = [item for item in ids if found.get(item, {}).get("state") in (DONE, UNCHANGED)]
            answer["requests"] = {item: {"csr_pem": f"request of {item}"} for item in made}
        if act == "list":
            answer.update(outcomes=["d1", 7], requests=["d1", 7])
        if act == "text":
            answer.update(outcomes=HOSTILE, requests=HOSTILE)
        return answer
