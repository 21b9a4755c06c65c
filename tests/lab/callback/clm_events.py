# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what happened in a playbook run as JSON lines, so that tests read results and not screens. Test code only."""

from __future__ import annotations

import json
import os
from typing import Any, Dict

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: clm_events
type: notification
short_description: Events of a playbook run as JSON lines
description: Appends one JSON object for each host result to the file named by the environment variable E(CLM_EVENTS).
version_added: "0.1.0"
author: certops.clm authors (@certops)
"""


class CallbackModule(CallbackBase):
    """One line a result: play, task, action, host, status, result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "clm_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.play = ""

    def write(self, entry: Dict[str, Any]) -> None:
        """Append one event."""
        with open(os.environ["CLM_EVENTS"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry, default=str) + "\n")

    def record(self, status: str, event: Any, ignored: bool = False) -> None:
        """A host's result of a task; core 2.19 and newer name its parts without the underscore."""
        task, host = getattr(event, "task", None) or event._task, getattr(event, "host", None) or event._host
        public = getattr(event, "result", None)
        result = public if isinstance(public, dict) else event._result
        delegated = (result.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host", "")
        kept = {key: value for key, value in result.items() if not key.startswith("_ansible")}
        self.write({"play": self.play, "task": task.get_name(), "action": task.action, "host": host.get_name(), "status": status,
                    "ignored": ignored, "delegated": delegated, "result": kept})

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self.play = play.get_name()

    def v2_runner_on_ok(self, result: Any) -> None:
        self.record("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self.record("failed", result, ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        task = getattr(result, "task", None) or result._task
        self.record("unreachable", result, bool(task.ignore_unreachable))

    def v2_runner_on_skipped(self, result: Any) -> None:
        self.record("skipped", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        hosts = {host: stats.summarize(host) for host in stats.processed}
        self.write({"stats": hosts, "custom": getattr(stats, "custom", {})})
