# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner's side of forking.py: an Ansible whose runs begin in a process that has imported everything."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ansible_collections.certops.clm.tests.lab.host import signal_all, tree
from ansible_collections.certops.clm.tests.lab.playbook import Ansible

SERVER = Path(__file__).with_name("forking.py")


class Process:
    """What is used of subprocess.Popen, for a process that is the other one's child."""

    def __init__(self, pid: int, output: Path) -> None:
        self.pid, self.output, self.returncode = pid, output, -1
        self.over = threading.Event()

    def poll(self) -> Optional[int]:
        return self.returncode if self.over.is_set() else None

    def communicate(self, timeout: Optional[float] = None) -> Tuple[str, None]:
        """Its whole output, when it has ended."""
        if not self.over.wait(timeout):
            raise subprocess.TimeoutExpired("ansible-playbook", timeout or 0)
        return self.output.read_text(errors="replace"), None


class Forked(Ansible):
    """`preload`: what stands in LD_PRELOAD of every run that is forked; a run with another one is started as a person would."""

    def __init__(self, core: str, collections: Path, place: Path, preload: str) -> None:
        super().__init__(core, collections, place)
        self.preload = preload
        self.runs: Dict[int, Process] = {}
        self.began: queue.Queue[int] = queue.Queue()
        self.early: Dict[int, int] = {}
        env = self.environment(LD_PRELOAD=preload)
        self.server = subprocess.Popen([str(self.bin / "python"), str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       cwd=place, env=env, start_new_session=True)  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.server.stdout or ():
            said = json.loads(line)
            if "began" in said:
                self.began.put(said["began"])
            elif said["ended"] in self.runs:
                self._over(self.runs[said["ended"]], said["code"])
            else:
                self.early[said["ended"]] = said["code"]

    @staticmethod
    def _over(process: Process, code: int) -> None:
        process.returncode = code
        process.over.set()

    def begin(self, play: Union[str, Path, List[Dict[str, Any]]], inventory: Sequence[Path], args: Sequence[str] = (),
              extra: Optional[Mapping[str, Any]] = None, env: Optional[Mapping[str, str]] = None) -> Tuple[Any, Path]:
        """As Ansible.begin."""
        if (env or {}).get("LD_PRELOAD", self.preload) != self.preload:
            return super().begin(play, inventory, args, extra, env)
        events = self.place / f"events-{len(list(self.place.glob('events-*')))}.jsonl"
        (self.place / "cp").mkdir(exist_ok=True)
        full = self.environment(**{**(env or {}), "CLM_EVENTS": str(events), "LD_PRELOAD": self.preload})
        output = events.with_suffix(".output")
        wanted = {"argv": self.command(play, inventory, args, extra), "env": full, "cwd": str(self.place), "output": str(output)}
        events.touch()
        output.touch()
        assert self.server.stdin is not None
        self.server.stdin.write(json.dumps(wanted) + "\n")
        self.server.stdin.flush()
        process = Process(self.began.get(timeout=120), output)
        self.runs[process.pid] = process
        if process.pid in self.early:
            self._over(process, self.early.pop(process.pid))
        return process, events

    def close(self) -> None:
        """No more runs, and none that goes on."""
        self.server.kill()
        for process in self.runs.values():
            if process.poll() is None:
                signal_all(tree(process.pid), signal.SIGKILL)
        self.server.communicate()
