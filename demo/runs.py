# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection as a person would: built and installed by ansible-galaxy, driven by ansible-playbook, output kept in a log."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Union

from ..tests.lab.playbook import Ansible
from ..tests.support.environment import ROOT

Play = Union[str, List[Dict[str, Any]]]
Event = Mapping[str, Any]
SECONDS = 240  # for one playbook; the slowest takes about fifteen


class NotAsToldError(Exception):
    """An act did not go as told; the text is for people."""


def expect(condition: Any, text: str) -> None:
    """Go on only when it is so."""
    if not condition:
        raise NotAsToldError(text)


@dataclass(frozen=True)
class Done:
    """A playbook that ended."""

    rc: int
    seconds: float
    events: List[Dict[str, Any]] = field(default_factory=list)

    def results(self, task: str) -> Dict[str, Dict[str, Any]]:
        """By host, the last result of the task of that name, of a role or not."""
        return {event["host"]: event["result"] for event in self.events if str(event.get("task")).split(" : ")[-1] == task}

    def result(self, task: str) -> Dict[str, Any]:
        """The result of a task that runs on localhost."""
        found = self.results(task)
        expect(found, f"the task {task!r} did not run")
        return found.get("localhost") or next(iter(found.values()))

    def changed(self) -> int:
        """How many tasks changed something, over all hosts."""
        stats = next((event["stats"] for event in reversed(self.events) if "stats" in event), {})
        return sum(host["changed"] for host in stats.values())


class Runner:
    """ansible-playbook in the person's folder `control`, with one numbered log for each run in `logs`."""

    def __init__(self, place: Path, work: Path) -> None:
        place.mkdir()
        self.work, self.control, self.logs = work, work / "control", work / "logs"
        self.collections = work / "collections"
        self.ansible = Ansible("2.19", self.collections, place)
        self.log = self.logs / "none.log"

    def environment(self) -> Dict[str, str]:
        """What differs from the lab's: nothing is left in the home of the person."""
        temporary = str(self.ansible.place / "tmp")
        return {"ANSIBLE_REMOTE_TEMP": temporary, "ANSIBLE_LOCAL_TEMP": temporary, "ANSIBLE_PIPELINING": "1"}

    def install(self) -> str:
        """Build the collection from this checkout and install it offline; returns its version."""
        built = self.work / "build"
        for folder in (built, self.collections):
            shutil.rmtree(folder, ignore_errors=True)
        galaxy = str(self.ansible.bin / "ansible-galaxy")
        self._galaxy(galaxy, "collection", "build", str(ROOT), "--output-path", str(built))
        tarball = next(built.glob("certops-clm-*.tar.gz"))
        self._galaxy(galaxy, "collection", "install", str(tarball), "--offline", "--collections-path", str(self.collections))
        return tarball.name.removeprefix("certops-clm-").removesuffix(".tar.gz")

    def _galaxy(self, *command: str) -> None:
        self.log = self.logs / "0-install.log"
        environment = self.ansible.environment(**self.environment())
        with self.log.open("ab") as stream:
            done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False)
        expect(done.returncode == 0, f"exit {done.returncode}: {' '.join(command)}")

    def run(self, title: str, play: Play, *args: str, told: Callable[[Event], None] = lambda event: None) -> Done:
        """Run a playbook (an FQCN, or plays as data) to its end; `told` is called with each event as it happens."""
        number = len(list(self.logs.glob("[1-9]*.log"))) + 1
        self.log = self.logs / f"{number}-{title}.log"
        began = time.monotonic()
        inventories = [self.control / "hosts.yml", self.control / "certificates.clm.yml"]
        process, events = self.ansible.begin(play, inventories, args, None, self.environment())
        reader = threading.Thread(target=keep, args=(process, self.log), daemon=True)
        reader.start()
        seen = []
        try:
            for event in follow(process, events):
                seen.append(event)
                told(event)
        finally:
            end(process)
            reader.join(5)
        return Done(process.wait(), time.monotonic() - began, seen)


def keep(process: subprocess.Popen[str], log: Path) -> None:
    """Everything that the process says goes into its log."""
    assert process.stdout is not None
    with log.open("w", encoding="utf-8") as stream:
        for line in process.stdout:
            stream.write(line)
            stream.flush()


def follow(process: subprocess.Popen[str], path: Path) -> Iterator[Dict[str, Any]]:
    """The events in the file as they come, until the process has ended; it is ended when it takes too long."""
    deadline, rest = time.monotonic() + SECONDS, ""
    with path.open(encoding="utf-8") as stream:
        running = True
        while running:
            running = process.poll() is None
            expect(time.monotonic() < deadline, f"ansible-playbook took more than {SECONDS} s")
            rest += stream.read()
            *lines, rest = rest.split("\n")
            yield from map(json.loads, lines)
            time.sleep(0.05 if running else 0)


def end(process: subprocess.Popen[str]) -> None:
    """The process and its workers live no longer."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, sign)
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                continue


def command(play: str, *args: str) -> str:
    """The line that a person would type in the folder `control`."""
    return " ".join(["ansible-playbook -i hosts.yml -i certificates.clm.yml", play, *args])


def tail(log: Path, lines: int = 25) -> Sequence[str]:
    """The last lines of a log."""
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if log.is_file() else []
