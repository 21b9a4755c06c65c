# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook as a person would: a process of its own, of a given core, on the installed collection."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ..support.environment import venv
from .host import signal_all, tree

CALLBACKS = Path(__file__).with_name("callback")
KEPT_CODE = Path(__file__).with_name("kept_code.py")


@dataclass(frozen=True)
class Run:
    """What a finished ansible-playbook said and did."""

    rc: int
    output: str
    stats: Dict[str, Dict[str, int]] = field(default_factory=dict)  # host -> ok, changed, failures, unreachable, skipped, rescued, ignored
    events: List[Dict[str, Any]] = field(default_factory=list)  # tests/lab/callback/clm_events.py

    def results(self, task: str, host: str = "") -> List[Dict[str, Any]]:
        """Results of the task of that name, in order; of one host only when named."""
        return [event["result"] for event in self.events if event.get("task") == task and host in ("", event["host"])]

    def result(self, task: str, host: str = "") -> Dict[str, Any]:
        """The only result of that task; the whole output is the failure otherwise."""
        found = self.results(task, host)
        assert len(found) == 1, f"{len(found)} results of {task!r}\n{self.output}"
        return found[0]

    def ok(self) -> Run:
        """This run, which must have exit code 0."""
        assert self.rc == 0, f"exit {self.rc}\n{self.output}"
        return self

    def changed(self) -> int:
        """How many tasks changed something, over all hosts."""
        return sum(host["changed"] for host in self.stats.values())


def kept_folder(place: Path) -> Path:
    """Where runs of one core leave for each other what none of them need make again (tests/lab/callback/clm_kept.py)."""
    for name in ("modules", "code", "python"):
        (place / name).mkdir(parents=True, exist_ok=True)
    (place / "python" / f".{os.getpid()}").write_bytes(KEPT_CODE.read_bytes())
    os.replace(place / "python" / f".{os.getpid()}", place / "python" / "sitecustomize.py")
    return place


class Ansible:
    """ansible-playbook of one core, in a folder of the test."""

    def __init__(self, core: str, collections: Path, place: Path, *, keep: bool = False) -> None:
        self.core, self.collections, self.place = core, collections, place
        self.kept = kept_folder(collections / "kept" / core) if keep else None  # not where time is measured
        self.bin = venv(f"core-{core}")
        self._count = 0
        self.view: List[str] = []  # a command that runs what follows it in another view of the machine (tests/lab/syslog.py)
        (place / "tmp").mkdir(exist_ok=True)
        # Ansible asks its workers for results a thousand times a second, which is a tenth of its time where cores are few.
        (place / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = 0.01\n")

    def environment(self, **more: str) -> Dict[str, str]:
        """The process environment: nothing of the person's own configuration reaches the run, and what it leaves is in `place`.

        But what modules on localhost leave in the home folder that the system knows: tests/lab/syslog.py has a view for that.
        """
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") and name != "PYTHONPATH"}
        own = {
            "TMPDIR": str(self.place / "tmp"),
            "ANSIBLE_HOME": str(self.place / "ansible"), "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_CONFIG": str(self.place / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS), "ANSIBLE_CALLBACKS_ENABLED": "clm_events,clm_kept",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.place / "cp"), "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=20s",
            "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0", "ANSIBLE_TIMEOUT": "20",
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "PYTHONUNBUFFERED": "1",
        }
        if self.kept:
            own.update({"CLM_KEPT": str(self.kept), "CLM_KEPT_CODE": str(self.kept / "code"), "PYTHONPATH": str(self.kept / "python")})
        return {**clean, **own, **more}

    def command(self, play: Union[str, Path, List[Dict[str, Any]]], inventory: Sequence[Path], args: Sequence[str],
                extra: Optional[Mapping[str, Any]]) -> List[str]:
        """The command line; `play` is an FQCN, a file, or plays as data (written beside the test)."""
        if isinstance(play, list):
            self._count += 1
            path = self.place / f"play-{self._count}.yml"
            path.write_text(json.dumps(play, indent=1))
            play = path
        inventories = [part for path in inventory for part in ("-i", str(path))]
        variables = ["-e", json.dumps(dict(extra))] if extra else []
        return [*self.view, str(self.bin / "ansible-playbook"), *inventories, *variables, *args, str(play)]

    def playbook(self, play: Union[str, Path, List[Dict[str, Any]]], *, inventory: Union[Path, Sequence[Path]] = (),
                 args: Sequence[str] = (), extra: Optional[Mapping[str, Any]] = None, env: Optional[Mapping[str, str]] = None,
                 timeout: float = 900) -> Run:
        """Run it to the end. `args`: more arguments, as ["--check", "--diff"]; `extra`: extra variables."""
        inventories = [inventory] if isinstance(inventory, (str, Path)) else list(inventory)
        process, events = self.begin(play, inventories, args, extra, env)
        try:
            output, _nothing = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            signal_all(tree(process.pid), signal.SIGKILL)  # else workers (each a session of its own) go on under the next test
            process.communicate()
            raise
        entries = [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else []
        stats = next((entry["stats"] for entry in reversed(entries) if "stats" in entry), {})
        return Run(process.returncode, output, stats, entries)

    def begin(self, play: Union[str, Path, List[Dict[str, Any]]], inventory: Sequence[Path], args: Sequence[str] = (),
              extra: Optional[Mapping[str, Any]] = None, env: Optional[Mapping[str, str]] = None) -> tuple[subprocess.Popen[str], Path]:
        """Start it in a process group of its own (to be killed in the middle, say), with the file that its events go to."""
        events = self.place / f"events-{len(list(self.place.glob('events-*')))}.jsonl"
        (self.place / "cp").mkdir(exist_ok=True)
        process = subprocess.Popen(self.command(play, inventory, args, extra), cwd=self.place, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
                                   env=self.environment(CLM_EVENTS=str(events), **(env or {})))
        events.touch()
        return process, events
