# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests run in: venvs, programs, and the answer to "it is not there"."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Mapping, NoReturn, Optional, Sequence

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
CORES = ("2.16", "2.19", "2.21")
DEV_CORE = "2.19"
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def problems() -> Dict[str, str]:
    """What tools/environment.py could not bring, with the reason."""
    state = CACHE / "environment.json"
    parts = json.loads(state.read_text()) if state.is_file() else {}
    return {name: reason for part in parts.values() for name, reason in part.items()}


def not_there(name: str, reason: str = "") -> NoReturn:
    """Skip this test and say why; with CLM_LAB_REQUIRE=all (or a list of names) it fails instead, for a core as for a server."""
    text = f"{name} is not there: {reason or problems().get(name, 'not installed (tools/environment.py servers)')}"
    required = os.environ.get("CLM_LAB_REQUIRE", "").replace(",", " ").split()
    if name in required or "all" in required:
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def which(name: str) -> Optional[str]:
    """The program, also where only root's PATH would have it, or None."""
    places = [str(CACHE / "bin"), *os.environ.get("PATH", "").split(os.pathsep), "/usr/local/sbin", "/usr/sbin", "/usr/bin"]
    places += [str(Path.home() / "go" / "bin"), "/usr/local/go/bin"]
    places += sorted((str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    return shutil.which(name, path=os.pathsep.join(places))


def program(name: str) -> str:
    """The program's path; where there is none the test is skipped or fails (`not_there`)."""
    return which(name) or not_there(name)


def venv(name: str) -> Path:
    """The `bin` folder of a venv: `core-2.16`, `core-2.19` (which is .venv), `core-2.21`, `gates`, `importer`."""
    place = ROOT / ".venv" if name == f"core-{DEV_CORE}" else CACHE / "venvs" / name
    if not (place / ".clm-stamp").is_file():
        not_there(name, problems().get(name, "tools/environment.py has not made it"))
    return place / "bin"


def cores() -> List[str]:
    """The cores that most tests run on: CLM_CORES, or the one of .venv."""
    return os.environ.get("CLM_CORES", "").replace(",", " ").split() or [DEV_CORE]


def every_core(costly: bool) -> List[str]:
    """The cores of a test that is marked every_core: all, but for a costly one the oldest and the newest; CLM_EVERY_CORE=all for all.

    The one between them runs every test that is not marked: a third run of whole campaigns costs ten minutes and adds little.
    """
    return list(CORES) if not costly or os.environ.get("CLM_EVERY_CORE") == "all" else [CORES[0], CORES[-1]]


def run(argv: Sequence[str], *, cwd: Path = ROOT, env: Optional[Mapping[str, str]] = None, timeout: float = 900, show: str = "") -> str:
    """Output of a command that must succeed; it is the failure otherwise (only lines that match `show`, where any do)."""
    full = {**os.environ, **(env or {})}
    full.pop("PYTHONPATH", None)  # a tool in a venv of its own finds there what is installed, and no more
    done = subprocess.run(list(argv), cwd=cwd, env=full, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=timeout, check=False)
    if done.returncode:
        wanted = [line for line in done.stdout.splitlines() if show and re.search(show, line)]
        text = "\n".join(wanted) or done.stdout
        pytest.fail(f"exit {done.returncode}: {' '.join(map(str, argv))}\n{text[-12000:]}", pytrace=False)
    return done.stdout
