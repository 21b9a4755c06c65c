# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line that goes on with a run, for the end of a message that somebody reads who was woken up."""

from __future__ import annotations

import re
import shlex
from typing import Any, Dict, List

from ansible import constants as C
from ansible import context

MOST = 10
NAMING = ("clm_lineage", "clm_version", "clm_hosts", "clm_adopt", "clm_import", "clm_impact_sha256", "clm_impact_key", "clm_impact_issuer",
          "clm_impact_host", "clm_manifest_file", "clm_backup", "clm_backup_passphrase_file")  # fmt: skip
PLAIN = re.compile(r"[A-Za-z0-9_./:~-]{1,200}\Z")  # one word: what follows a space is another variable
HAS_ONE = re.compile(r"Command: `|ansible-playbook ")
RUNBOOK = ". Runbook: "
COMMAND = ". Command, when that is mended: `"


def command() -> str:
    """ansible-playbook with this run's inventories, playbooks, and of its extra variables those that name things. Empty elsewhere.

    Any other extra variable may be a secret.
    """
    playbooks = [str(one) for one in context.CLIARGS.get("args") or ()]
    if not playbooks or context.CLIARGS.get("module_name"):  # an ad-hoc command has a host pattern there
        return ""
    words: List[str] = ["ansible-playbook"]
    usual = list(C.DEFAULT_HOST_LIST or ())  # what ansible-playbook takes without -i
    given = list(context.CLIARGS.get("inventory") or ())
    for one in [] if given == usual else given[:MOST]:
        words += ["-i", str(one)]
    return " ".join(shlex.quote(word) for word in [*words, *playbooks[:MOST], *_named()])


def _named() -> List[str]:
    """`-e clm_lineage=shop` and the like, where it was given so."""
    words: List[str] = []
    for text in context.CLIARGS.get("extra_vars") or ():
        key, equals, value = str(text).partition("=")
        if equals and key in NAMING and PLAIN.match(value):
            words += ["-e", f"{key}={value}"]
    return words


def with_command(result: Dict[str, Any], line: str) -> Dict[str, Any]:
    """The result of a failed task, whose message ends with the command line and the page, where it names no command itself."""
    message = str(result.get("msg") or "")
    if not line or not result.get("failed") or not message or HAS_ONE.search(message):
        return result
    before, runbook, page = message.rpartition(RUNBOOK)
    text, page = (before, page) if runbook else (message, "")
    text = f"{text.rstrip('.')}{COMMAND}{line}`"
    return {**result, "msg": f"{text}{RUNBOOK}{page}" if page else text}
