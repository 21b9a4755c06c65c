# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line that goes on with a run, for the end of a message that somebody reads who was woken up."""

from __future__ import annotations

import re
import shlex
from typing import Any, Dict, List

from ansible import context

MOST = 10
HAS_ONE = re.compile(r"Command: `|ansible-playbook ")
RUNBOOK = ". Runbook: "
COMMAND = ". Command, when that is mended: `"


def command() -> str:
    """ansible-playbook with this run's inventories and playbooks; without its extra variables, which may be secrets. Empty elsewhere."""
    playbooks = [str(one) for one in context.CLIARGS.get("args") or ()]
    if not playbooks or context.CLIARGS.get("module_name"):  # an ad-hoc command has a host pattern there
        return ""
    words: List[str] = ["ansible-playbook"]
    for one in list(context.CLIARGS.get("inventory") or ())[:MOST]:
        words += ["-i", str(one)]
    return " ".join(shlex.quote(word) for word in [*words, *playbooks[:MOST]])


def with_command(result: Dict[str, Any], line: str) -> Dict[str, Any]:
    """The result of a failed task, whose message ends with the command line and the page, where it names no command itself."""
    message = str(result.get("msg") or "")
    if not line or not result.get("failed") or not message or HAS_ONE.search(message):
        return result
    before, runbook, page = message.rpartition(RUNBOOK)
    text, page = (before, page) if runbook else (message, "")
    text = f"{text.rstrip('.')}{COMMAND}{line}`"
    return {**result, "msg": f"{text}{RUNBOOK}{page}" if page else text}
