# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of the server flow in a process of its own that SIGKILLs itself at the N-th step that touches the system.

Usage: killed_run.py N FILE [EVENT], where FILE holds JSON: state_dir, staged, params. An audit hook counts the steps, so every
rename, removal, folder, command and connection is one, and nothing is patched; with EVENT only those of that name. What was
opened for writing shows in the rename after it. N 0 counts the steps and prints the number.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import datetime, timezone
from typing import Any, Tuple

from ansible_collections.certops.clm.plugins.module_utils.flows.deploy_server import serve
from ansible_collections.certops.clm.plugins.module_utils.targets._server_proof import Pace
from ansible_collections.certops.clm.plugins.module_utils.targets._server_state import State
from ansible_collections.certops.clm.plugins.module_utils.targets.server import ServerTarget

STEPS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chown", "os.chmod", "subprocess.Popen", "socket.connect")


def main() -> None:
    last, given = int(sys.argv[1]), json.load(open(sys.argv[2], encoding="utf-8"))
    steps, seen = sys.argv[3:] or STEPS, 0

    def count(event: str, args: Tuple[Any, ...]) -> None:
        nonlocal seen
        if event in steps:
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    pace = Pace(timeout=1.0, consecutive=2, interval=0.01)
    target = ServerTarget(State(given["state_dir"]), lambda: datetime.now(timezone.utc), pace=pace, staged_keys=given["staged"], seconds=20)
    sys.addaudithook(count)
    result = serve(target, given["params"], check_mode=False)
    print(seen, json.dumps({name: outcome.as_dict() for name, outcome in result["outcomes"].items()}))


if __name__ == "__main__":
    main()
