# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test may rely on: the collection is importable as `ansible_collections.certops.clm`, from this checkout.

Shared test code is imported by that name too (`ansible_collections.certops.clm.tests.unit.contracts...`).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / ".cache" / "dev"
LONGEST_NAME = 80  # characters of a parameter that still tell which case it is


def link_checkout() -> None:
    """`.cache/dev/ansible_collections/certops/clm` is a link to the checkout; safe when two workers do it at once."""
    link = DEV / "ansible_collections" / "certops" / "clm"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        fresh = link.with_name(f".clm.{os.getpid()}")
        fresh.symlink_to(ROOT)
        os.replace(fresh, link)


link_checkout()
if str(DEV) not in sys.path:
    sys.path.insert(0, str(DEV))
# Byte code is kept: an image that says PYTHONDONTWRITEBYTECODE has each of a thousand processes compile the same 600 files again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Python processes that a test starts find the collection too (ansible-playbook does not get it: tests/lab/playbook.py).
os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([str(DEV), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]))


try:
    from hypothesis import HealthCheck, settings
except ImportError:  # a person who runs a single test without the dev requirements
    pass
else:  # two busy cores make time limits of single examples meaningless
    settings.register_profile("clm", deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    settings.load_profile("clm")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


def pytest_make_parametrize_id(val: object, argname: str) -> Optional[str]:
    """A long text is named by its argument: a fresh certificate as a test's name differs in every worker, and xdist refuses to start."""
    return argname if isinstance(val, (str, bytes)) and len(val) > LONGEST_NAME else None


def not_installed() -> Dict[str, str]:
    """What tools/environment.py could not bring, with the reason."""
    state = ROOT / ".cache" / "environment.json"
    parts = json.loads(state.read_text()) if state.is_file() else {}
    return {name: reason for part in parts.values() for name, reason in part.items()}


def reason_of(report: Any) -> str:
    """Why a test was skipped."""
    return report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else str(report.longrepr)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Before the summary line: what was not there, and which tests did not run for it."""
    lines: List[str] = [f"{name}: {reason}" for name, reason in sorted(not_installed().items())]
    reasons: Dict[str, Set[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reasons.setdefault(reason_of(report), set()).add(report.nodeid)
    lines += [f"{len(tests)} test(s) not run: {reason}" for reason, tests in sorted(reasons.items())]
    if lines:
        terminalreporter.section("not there, not run")
        for line in lines:
            terminalreporter.write_line(line)
