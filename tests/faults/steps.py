# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of the spine, and how the runner knows that a process is there: one system call on one path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Optional, Tuple

CONTROLLER, SERVER = "controller", "server"
HTTP = "http"  # no system call: a request of that path to the CA, held by the proxy before it


@dataclass(frozen=True)
class Step:
    """One step: which call of whom; `folder` is where it writes, `write` the call that first needs room there."""

    name: str
    side: str
    call: str
    path: str
    nth: int = 1
    text: str = ""
    folder: str = ""
    write: Optional[Tuple[str, str, int]] = None
    write_task: str = ""  # that call counts once this task has answered
    task: str = ""  # the call counts once this task has answered
    sabotage: Tuple[str, ...] = ()


DEPLOYED = "Deploy to servers, one run for each server by its lead"
SETTLED = "Settle what stays and what goes back"
LEDGER_OPENED = ("open", "*/ledger/*.jsonl", 1)
SMALL_RELOAD = "*tls_server.py*--reload*"
WHOLE_RUN, BETWEEN_RUNS = "whole run", "between runs"


def spine(tls: str = "/etc/clm/tls", reload: str = SMALL_RELOAD) -> Dict[str, Step]:
    """Every step of one certificate that is issued by `local_ca`, kept in a folder and served from `tls` of its server."""
    files, fresh = f"*{tls}/api.*", f"*{tls}/.api.*"  # fresh: beside it, before it is renamed
    made = (
        Step("lock", CONTROLLER, "symlink", "*/lineages/api/lease-*", folder="store"),
        Step("intent", CONTROLLER, "write", "*/ledger/*.jsonl", text='"step":"issue"', folder="ledger", write=LEDGER_OPENED,
             write_task="Plan the wave"),
        Step("key write", CONTROLLER, "write", "*/.new-*/key.pem", folder="store"),
        Step("key fsync", CONTROLLER, "fsync", "*/.new-*/key.pem", folder="store"),
        Step("key rename", CONTROLLER, "rename", "*/lineages/api/versions/0*", folder="store"),
        Step("issue", CONTROLLER, "write", "*/ca/issued.jsonl", folder="ca"),
        Step("keep", CONTROLLER, "write", "*/versions/0*/*chain.pem", folder="store"),
        Step("stage", SERVER, "write", "*/certops-clm/staged/*", folder="state"),
        Step("swap", SERVER, "rename", files, folder="tls", write=("write", fresh, 1)),
        Step("swap, second file", SERVER, "rename", files, nth=2, folder="tls", write=("write", fresh, 2)),
        Step("reload", SERVER, "exec", reload),
        Step("prove", CONTROLLER, "connect", "127.*:?443", task=DEPLOYED),
        Step("roll back", SERVER, "rename", files, nth=3, folder="tls", write=("write", fresh, 3), sabotage=("keep_old",)),
        Step("settle", CONTROLLER, "rename", "*/lineages/api/current", folder="store", write=("symlink", "*/lineages/api/.current-*", 1)),
        Step("commit", SERVER, "rename", "*/deployments/*/journal.json", task=SETTLED, folder="state",
             write=("write", "*/deployments/*/.journal.json*", 1)),
        Step("record", CONTROLLER, "write", "*/ledger/*.jsonl", text='"step":"prove"', folder="ledger", write=LEDGER_OPENED,
             write_task="Commit on servers what was proven"),
    )  # fmt: skip
    return {step.name: step for step in made}


def again(step: Step, name: str, **changes: Any) -> Step:
    """That step under another name, where a provider has it once more."""
    return replace(step, name=name, **changes)
