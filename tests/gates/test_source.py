# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lint, types, the house and generated files: what a second reading of the source can tell."""

from __future__ import annotations

import re
import sys
from typing import Dict, Iterable, List, Tuple

import pytest
import yaml

from ansible_collections.certops.clm.tests.support.environment import ROOT, run, venv

FLOOR = re.compile(r"- (\w+) >= (\d+(?:\.\d+)*)")
HOUSE = ROOT.parent / "shared" / "tools" / "house.py"


def test_ruff():
    run([str(venv("core-2.19") / "ruff"), "check", "--quiet", "--output-format", "concise", "plugins", "tests", "tools", "demo"])


def test_mypy_strict_on_module_utils():
    # Its incremental cache once kept an error about a generated file that had come meanwhile.
    run([str(venv("core-2.19") / "mypy"), "--no-incremental", "-p", "ansible_collections.certops.clm.plugins.module_utils"])


def test_generated_files_are_up_to_date():
    run([sys.executable, "tools/make_index.py", "--check"])
    run([sys.executable, "tools/make_readme.py", "--check"])


@pytest.mark.skipif(not HOUSE.is_file(), reason="../shared is not here: the house is checked where the project is built")
def test_house():
    output = run([sys.executable, str(HOUSE), "."])
    findings = [line for line in output.splitlines() if line.startswith("  ") or (": " in line and not line.endswith(": none"))]
    assert not findings, "\n".join(findings)


def floors_of(lines: Iterable[str]) -> Dict[str, Tuple[int, ...]]:
    """By package, the oldest version that requirements.txt allows, without zeros at its end."""
    found = (re.match(r"(\w+)>=([\d.]+)", line) for line in lines)
    return {one.group(1).lower(): numbers(one.group(2)) for one in found if one}


def numbers(version: str) -> Tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def test_what_a_module_requires_is_what_requirements_txt_says():
    floors = floors_of((ROOT / "requirements.txt").read_text().splitlines())
    assert set(floors) >= {"cryptography", "pyopenssl", "certifi"}
    said = 0
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for name, version in re.findall(FLOOR, "\n".join(requirements_in(path.read_text()))):
            assert floors.get(name.lower()) == numbers(version), f"{path.relative_to(ROOT)} says {name} >= {version}"
            said += 1
    assert said > 10


def requirements_in(text: str) -> List[str]:
    """The lines of `requirements:` in the documentation of a plugin or of a fragment."""
    return [f"- {line}" for block in re.findall(r"^requirements:\n((?:  - .*\n)+)", text, re.MULTILINE) for line in yaml.safe_load(block)]
