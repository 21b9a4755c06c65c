# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a wave's batch steps: whatever happens, one outcome for each host, and the task itself never fails."""

from __future__ import annotations

import json
import traceback
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.outcome import failed
from ansible_collections.certops.clm.plugins.module_utils.x509._show import quiet
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.vault import remember
from ansible_collections.certops.clm.plugins.plugin_utils.wave.handed import NAMED, handed, packed, plan_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, complete, diff_of, everything_failed, red


def utc_now() -> datetime:
    """The controller's clock."""
    return datetime.now(timezone.utc)


class WaveAction(ActionBase):
    """A batch step.

    A subclass has the STEP that its outcomes name, the one that it comes AFTER, and answers `step(args, check_mode)` with
    `outcomes`.
    """

    STEP = ""
    AFTER = ""
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        self.task_vars: Mapping[str, Any] = task_vars or {}
        remember(self._loader)
        hosts = self._hosts(self._task.args)
        self._failed_before: Dict[str, OutcomeDict] = {}
        answer: Dict[str, Any] = {}
        try:
            given = self._step(hosts)
            outcomes = complete(hosts, given.get("outcomes", {}), self.STEP)
            answer = given
        except ClmError as error:
            outcomes = everything_failed(hosts, self.STEP, failed(self.STEP, error).message, error.hint, error.runbook)
            outcomes.update(self._failed_before)
        except Exception as error:  # the wave must go on to its record and its verdict, whatever broke
            Display().vvv(traceback.format_exc())
            outcomes = everything_failed(hosts, self.STEP, f"{type(error).__name__} in the step {self.STEP}: {error}")
            outcomes.update(self._failed_before)
        result.update(answer)
        result["outcomes"] = outcomes
        result.setdefault("changed", False)
        if result["changed"] and self._task.diff:
            result.setdefault("diff", diff_of(outcomes))
        return result

    def _step(self, hosts: List[str]) -> Dict[str, Any]:
        """The step's answer; it gets an outcome for each host, and what was red before it stays so, whatever breaks."""
        # Plain types on every core, and a text where Ansible left an object of its own beside the message of a failed task.
        args = json.loads(json.dumps(self._given(), default=str))
        plan: Dict[str, Any] = args.get("plan") or {}
        self._failed_before = red(complete(plan.get("refused") or {}, plan.get("refused") or {}, "plan"))
        if "plan" in args and "items" not in plan:
            self._failed_before = {**complete(hosts, {}, "plan"), **self._failed_before}
            raise ClmError("the wave has no plan")
        if "outcomes" in args:
            args["outcomes"] = complete(hosts, args["outcomes"], self.AFTER)
            self._failed_before = red(args["outcomes"])
        with quiet:
            answer = self.step(args, bool(self._task.check_mode))
        return packed(answer) if isinstance(answer, dict) else answer

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        """What the step does; ClmError is turned into outcomes."""
        raise NotImplementedError

    def _given(self) -> Dict[str, Any]:
        """The task's arguments, with what earlier tasks registered in the place of its names.

        Ansible's validator copies what it looks at: of what other steps made, it gets to see that it is there.
        """
        given = handed(self._task.args, self.task_vars)
        long = {name: value for name, value in given.items() if name in NAMED and isinstance(value, Mapping)}
        return {**validated(self, given={**given, **{name: {} for name in long}}), **long}

    def _hosts(self, args: Mapping[str, Any]) -> List[str]:
        plan = plan_of(args.get("plan"), self.task_vars)
        hosts = args.get("hosts") if "hosts" in args else plan.get("hosts") if isinstance(plan, Mapping) else None
        return [str(host) for host in hosts or ()]
