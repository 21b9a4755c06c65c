# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test leaves does not go on under the next one: a killed server's worker, a run that took too long, a copy that is removed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.certops.clm.tests.lab import host
from ansible_collections.certops.clm.tests.lab.playbook import Ansible
from ansible_collections.certops.clm.tests.support import collection

WORKING = "import os, pathlib, time\nif os.fork() == 0: pathlib.Path('worker').write_text(str(os.getpid()))\ntime.sleep(60)"
MASTER = """
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    print(listener.getsockname()[1], flush=True)
time.sleep(60)
"""


def started(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)


def state(pid: int) -> str:
    """Its letter in ps, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_server_that_does_not_end_in_time_keeps_no_port_by_its_worker():
    master = started(MASTER)
    assert master.stdout is not None
    port = int(master.stdout.readline())
    os.kill(master.pid, signal.SIGSTOP)  # it gets no processor: on a busy machine that lasts seconds
    host.wait_for(lambda: state(master.pid) == "T", "the master to stand still", seconds=10)
    host.stop(master, seconds=0.2)
    host.wait_for(lambda: refused(port), "the port to be free", seconds=10)


def test_a_run_that_takes_too_long_is_ended_with_its_workers(tmp_path, monkeypatch):
    ansible = Ansible(collection.DEV_CORE, tmp_path, tmp_path)
    monkeypatch.setattr(ansible, "command", lambda *more: [sys.executable, "-c", WORKING])
    with pytest.raises(subprocess.TimeoutExpired):
        ansible.playbook("certops.clm.rotate", timeout=2)
    worker = int((tmp_path / "worker").read_text())
    host.wait_for(lambda: state(worker) in "Z", "the worker's end", seconds=10)


def copies(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_copy_of_the_collection_that_somebody_uses_is_not_removed(tmp_path):
    for number, name in enumerate(("used", "old", "held", "new")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (number, number))
    use = "import fcntl, os, sys, time\nfcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH); print(1, flush=True); time.sleep(60)"
    user = subprocess.Popen([sys.executable, "-c", use, str(tmp_path / "used")], stdout=subprocess.PIPE)
    assert user.stdout is not None
    user.stdout.readline()
    collection.forget_old(tmp_path, keep=2)
    assert copies(tmp_path) == ["held", "new", "used"]
    user.kill()
    user.wait()
    assert not collection.hold(tmp_path / "old") and collection.hold(tmp_path / "held")
    collection.forget_old(tmp_path, keep=1)
    assert copies(tmp_path) == ["held", "new"], "what this process holds stays as well"
