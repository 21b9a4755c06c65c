# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every result says of itself: when, of which commit, on which machine, and how busy that was before and after."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Dict, List

RESULTS = Path(__file__).parent / "results"


def load() -> List[float]:
    """How many processes wanted to run, in the last 1, 5 and 15 minutes."""
    return [round(one, 1) for one in os.getloadavg()]


def commit() -> str:
    """The commit that was measured; `+` behind it says that files differed from it."""
    asked = ["git", "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=+"]
    done = subprocess.run(asked, cwd=RESULTS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip()


BEFORE = load()
COMMIT = commit()  # before anything runs: somebody may work on while it is measured


def machine() -> Dict[str, Any]:
    """Where it was measured."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return {
        "cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release(),
        "load_before": BEFORE, "load_after": load(),
    }  # fmt: skip


def earlier(name: str) -> Dict[str, Any]:
    """The result that is kept now, empty when there is none."""
    path = RESULTS / f"{name}.json"
    found: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def write(name: str, result: Dict[str, Any]) -> None:
    """Print the result and keep it for README."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    text = json.dumps({"date": now, "commit": COMMIT, "machine": machine(), **result}, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)
