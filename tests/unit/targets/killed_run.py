# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of the server flow in a process of its own that SIGKILLs itself at the N-th step that touches the system.

An audit hook counts the steps, so every rename, removal, folder, command and connection is one, and nothing is patched; with events
only those of that name. What was opened for writing shows in the rename after it. The process is a fork: a new interpreter for each of
two hundred steps spent its time on imports.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
from datetime import datetime, timezone
from typing import Any, Dict, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils import _command_loop  # noqa: F401 - not between two steps
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy_server import serve
from ansible_collections.certops.clm.plugins.module_utils.targets._server_proof import Pace
from ansible_collections.certops.clm.plugins.module_utils.targets._server_state import State
from ansible_collections.certops.clm.plugins.module_utils.targets.server import ServerTarget

STEPS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chown", "os.chmod", "subprocess.Popen", "socket.connect")


def run_killed(last: int, given: Dict[str, Any], events: Sequence[str] = ()) -> Tuple[int, str]:
    """(exit code, output) of a run that is killed at that step; 0 lets it live, and its output begins with the number of steps.

    `given` is what a module gets: state_dir, staged, params.
    """
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            code = 1
            try:
                os.write(said.fileno(), _run(last, given, events or STEPS).encode())
                code = 0
            except BaseException:
                os.write(said.fileno(), traceback.format_exc().encode())
            finally:
                os._exit(code)
        _pid, status = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read().decode()


def _run(last: int, given: Dict[str, Any], events: Sequence[str]) -> str:
    seen = 0

    def count(event: str, args: Tuple[Any, ...]) -> None:
        nonlocal seen
        if event in events:
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    pace = Pace(timeout=1.0, consecutive=2, interval=0.01)
    target = ServerTarget(State(given["state_dir"]), lambda: datetime.now(timezone.utc), pace=pace, staged_keys=given["staged"], seconds=20)
    sys.addaudithook(count)
    result = serve(target, given["params"], check_mode=False)
    return f"{seen} " + json.dumps({name: outcome.as_dict() for name, outcome in result["outcomes"].items()})
