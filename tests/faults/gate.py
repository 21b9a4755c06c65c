# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a real process is held: at one system call, by shim.c in LD_PRELOAD. The product has no hook and knows of nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, Optional

from ansible_collections.certops.clm.tests.support.environment import CACHE, not_there, which

from .steps import Step

SOURCE = Path(__file__).with_name("shim.c")
PATIENCE = 60.0  # seconds until a process that never comes there counts as one that does not


def built() -> Path:
    """The shim as a shared object, compiled once for each of its texts."""
    place = CACHE / "faults" / f"shim-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    if not place.is_file():
        compiler = which("cc") or which("gcc") or not_there("cc", "a C compiler makes the shim of the fault tests")
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{os.getpid()}.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(fresh), str(SOURCE), "-ldl"], check=True)
        os.replace(fresh, place)
    return place


class Gate:
    """One step at which one process is caught, in a folder of its own."""

    def __init__(self, place: Path, trace: Path) -> None:
        self.place, self.trace, self.shim = place, trace, built()
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        place.chmod(0o777)

    def tracing(self) -> Dict[str, str]:
        """Environment of a run of which only the order of its writes is wanted."""
        return {"LD_PRELOAD": str(self.shim), "CLM_FAULT_TRACE": str(self.trace)}

    def environment(self, step: Step, *, after: bool = False, error: int = 0, instead: bool = False) -> Dict[str, str]:
        """Environment of the process to catch; `error`: the call fails instead; `instead`: at the write that the step begins with."""
        begins = step.write if instead else None
        call, path, nth = begins or (step.call, step.path, step.nth)
        made = {**self.tracing(), "CLM_FAULT_CALL": call, "CLM_FAULT_PATH": path, "CLM_FAULT_NTH": str(nth),
                "CLM_FAULT_DIR": str(self.place), "CLM_FAULT_DO": str(error or "hold")}  # fmt: skip
        if step.text and not begins:
            made["CLM_FAULT_TEXT"] = step.text
        if after:
            made["CLM_FAULT_AFTER"] = "1"
        return made

    def arm(self) -> None:
        """From now on the next one is caught."""
        (self.place / "armed").touch()

    def wait(self, over: Callable[[], bool], arm: Callable[[], bool]) -> Optional[int]:
        """The number of the process that was caught (0: its call fails); None when all was over before any came there."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not (self.place / "armed").exists() and arm():
                self.arm()
            caught = self.caught()
            if caught is not None:
                return caught
            if over():
                return None
            time.sleep(0.01)
        return None

    def caught(self) -> Optional[int]:
        """Who is held, once the whole line is there: a call that fails is written down anew each time, by every process that makes it."""
        try:
            line = (self.place / "at").read_text()
        except FileNotFoundError:
            return None
        return int(line.split()[0]) if line.endswith("\n") else None

    def go(self) -> None:
        """Whoever is held goes on."""
        (self.place / "go").touch()
