# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook without its start: each run is a process of its own, forked from one that has done nothing but its imports.

A third of the processor time of a cell was importing the same files again. Run as a program this is the process that is forked
from: a line of JSON for each run on its input (`argv`, `env`, `cwd`, `output`), a line for each that began or ended on its output.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, Dict, List, NoReturn, Tuple

IMPORTED = (
    "ansible.cli.playbook", "ansible.executor.playbook_executor", "ansible.plugins.strategy.linear", "ansible.plugins.connection.ssh",
    "ansible.plugins.shell.sh", "ansible.plugins.action.normal", "ansible.module_utils.basic", "cryptography.x509",
    "cryptography.hazmat.primitives.serialization.pkcs12", "OpenSSL.SSL", "yaml", "jinja2", "asyncio", "ssl",
)  # fmt: skip


def serve() -> None:
    """Fork for every line until the input ends."""
    talk = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _imports()
    gc.freeze()  # what is there now is never looked through again, and so never copied
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake)
    rest = b""
    while True:
        ready, _nothing, _none = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            for pid, code in _ended():
                _say(talk, {"ended": pid, "code": code})
        if 0 in ready:
            data = os.read(0, 1 << 20)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                _say(talk, {"began": _fork(json.loads(line))})


def _imports() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader([])
    place = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections" / "certops" / "clm"
    for folder in ("module_utils", "plugin_utils"):
        for path in sorted((place / "plugins" / folder).rglob("*.py")):
            parts = path.relative_to(place.parents[1]).with_suffix("").parts
            importlib.import_module(".".join(("ansible_collections", *(part for part in parts if part != "__init__"))))


def _say(talk: Any, what: Dict[str, int]) -> None:
    talk.write(json.dumps(what) + "\n")
    talk.flush()


def _ended() -> List[Tuple[int, int]]:
    found: List[Tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, os.waitstatus_to_exitcode(status)))


def _fork(wanted: Dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    _become(wanted)


def _become(wanted: Dict[str, Any]) -> NoReturn:
    """This process is ansible-playbook from now on, in a group of its own."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    atexit._clear()  # what the other one cleans up when it ends is not ours
    null, output = os.open(os.devnull, os.O_RDONLY), os.open(wanted["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, to in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, to)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(wanted["env"])
    os.chdir(wanted["cwd"])
    sys.argv = wanted["argv"]
    from ansible.cli.playbook import main

    code: Any = 0
    try:
        main(sys.argv)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 250
    atexit._run_exitfuncs()  # and not the rest: taking all modules apart costs a tenth of a second
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    serve()
