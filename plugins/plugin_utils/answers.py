# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible said of a module that left no answer of its own, in words for somebody who was woken up. Pure."""

from __future__ import annotations

import re
from typing import Any, Mapping

NO_ANSWER = re.compile(r"MODULE FAILURE|Module result deserialization failed|The module failed to execute")
TRY = (
    "Let its Python run there as the user that the connection and become name: "
    "`ansible SERVER -i hosts.yml -m ansible.builtin.ping` tries just that"
)
MOST = 500
ENDS = (" What is served now is not known: ", ". Command, when that is mended: ", ". Runbook: ")  # what refusing.told adds to a message


def bare(message: str) -> str:
    """A task's message without what it says to the reader of that task alone, for a message that says the same of more."""
    for end in ENDS:
        message = message.partition(end)[0]
    return message.rstrip(" :")


def gave_none(result: Any) -> bool:
    """True where the server was reached and its Python, its shell or become ended before the module could answer."""
    if not isinstance(result, Mapping) or result.get("unreachable") or not result.get("failed"):
        return False
    return "module_stdout" in result or "module_stderr" in result or bool(NO_ANSWER.match(str(result.get("msg") or "")))


def said(result: Mapping[str, Any]) -> str:
    """One line: what the server printed comes first, since Ansible's own words only say that it was no answer."""
    own = _line(result.get("msg"))
    if not gave_none(result):
        return own
    printed = _last(result.get("module_stderr")) or _last(result.get("module_stdout")) or own
    code = result.get("rc")
    ended = f", exit code {code}" if isinstance(code, int) and code else ""
    return f"the module gave no answer there, because its Python, its shell or become ended before it{ended}: {printed}"


def _last(text: Any) -> str:
    """The last line that says something: a traceback or a shell's complaint ends with what is wrong."""
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[-1][:MOST] if lines else ""


def _line(text: Any) -> str:
    return " ".join(str(text or "").split())[:MOST].rstrip(" :")
