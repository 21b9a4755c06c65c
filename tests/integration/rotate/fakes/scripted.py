# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a wave that do what a script says. Stands as plugin_utils/wave/scripted.py in a copy of the collection.

The script is the environment variable CLM_SCRIPT, {step: {host: act}}. An act of a whole step is done when its host is in the
batch; any other is done to the outcome of its host alone. What ran is appended to the file that CLM_LOG names.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterable, List, Mapping

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.outcome import FAILED, PENDING, Outcome

# An act on a whole step: an exception in it, a provider that nobody knows, a task that fails before any code of the
# collection runs, outcomes of a wrong type, and an answer that is no dict at all.
WHOLE = ("raise", "unknown", "fail", "list", "nothing")
HOSTILE = "{{ lookup('pipe', 'exit 1') }} {% raise %} \u2028 \"'"


def script(step: str) -> Dict[str, str]:
    """What is to happen at a step, by host."""
    acts: Dict[str, str] = json.loads(os.environ["CLM_SCRIPT"]).get(step, {})
    return acts


def log(step: str, hosts: Iterable[str], **more: Any) -> None:
    """One line for what ran; written at once, for several forks do."""
    line = json.dumps({"step": step, "hosts": list(hosts), **more}) + "\n"
    where = os.open(os.environ["CLM_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(where, line.encode())
    os.close(where)


def altered(outcomes: Mapping[str, Any], name: str, step: str = "") -> Dict[str, Any]:
    """The outcomes after what the script does to single hosts; `step` where the outcomes name another one than the script."""
    acts, step = script(name), step or name
    found = {host: _altered(outcome, acts.get(host, ""), step) for host, outcome in outcomes.items()}
    return {host: outcome for host, outcome in found.items() if outcome is not None}


def _altered(outcome: Any, act: str, step: str) -> Any:
    if act == "missing":
        return None
    if act == "garbage":
        return {"state": "fine", "step": step}
    if act == "thin":
        return {"state": "done", "step": step, "after": "text", "message": 7}
    if act == "pending":
        return Outcome(PENDING, step).as_dict()
    if act == "failed":
        return Outcome(FAILED, step, message=f"scripted: {HOSTILE}").as_dict()
    return outcome


class Scripted:
    """Goes before the shipped action in the order of methods."""

    script_of = ""  # where the script calls the step otherwise than its outcomes do

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        self.task_vars = task_vars or {}
        hosts: List[str] = self._hosts(self._task.args)  # type: ignore[attr-defined]
        self.script_of = self.script_of or self.STEP  # type: ignore[attr-defined]
        log(self.script_of, hosts)
        acts = script(self.script_of)
        self.act = next((acts[host] for host in hosts if acts.get(host) in WHOLE), "")
        if self.act == "fail":
            return {"failed": True, "msg": "the task failed before any code of the collection ran"}
        result: Dict[str, Any] = super().run(tmp, task_vars)  # type: ignore[misc]
        return result

    def step(self, args: Dict[str, Any], check_mode: bool) -> Any:
        if self.act == "raise":
            raise RuntimeError(HOSTILE)
        if self.act == "unknown":
            raise ConfigError("unknown type 'nonesuch'", hint="one of local_ca", field="issuers.nonesuch")
        answer: Dict[str, Any] = super().step(args, check_mode)  # type: ignore[misc]
        answer["outcomes"] = altered(answer["outcomes"], self.script_of, self.STEP)  # type: ignore[attr-defined]
        if self.act == "list":
            answer["outcomes"] = [answer["outcomes"]]
        return None if self.act == "nothing" else answer


def swap(module: Any, **parts: Any) -> None:
    """Put these in the place of what the shipped action works with; one that it does not have is a mistake of the test."""
    for name, part in parts.items():
        assert hasattr(module, name), f"{module.__name__} has no {name} any more"
        setattr(module, name, part)
