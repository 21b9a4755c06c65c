# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lint, types, the house and generated files: what a second reading of the source can tell."""

from __future__ import annotations

import ast
import re
import sys
from typing import Dict, Iterable, Iterator, List, Set, Tuple

import pytest
import tomllib
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


COMES_WITH = {"ansible": "", "ansible_collections": "", "yaml": "", "jinja2": ""}  # ansible-core, which the user has
PACKAGES = {**COMES_WITH, "openssl": "pyopenssl", "dns": "dnspython", "botocore": "boto3"}


def imported(text: str) -> Iterator[str]:
    """The packages beyond Python's own that a source imports, anywhere in it."""
    for node in ast.walk(ast.parse(text)):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        for name in {one.split(".")[0] for one in names} - sys.stdlib_module_names:
            yield PACKAGES.get(name.lower(), name.lower())


def test_what_is_imported_is_what_requirements_txt_lists():
    listed = set(floors_of((ROOT / "requirements.txt").read_text().splitlines()))
    found: Set[str] = {name for path in (ROOT / "plugins").rglob("*.py") for name in imported(path.read_text())}
    assert found - {""} == listed


def test_every_dependency_is_listed_once_with_its_bound_and_what_it_is_for():
    """In requirements.txt for users, in pyproject.toml for those who build; the cores of Ansible in tools/environment.py."""
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    project = (ROOT / "pyproject.toml").read_text()
    groups = tomllib.loads(project)["dependency-groups"].values()
    tools = [one for group in groups for one in group]
    lines += [line.strip() for line in project.splitlines() if line.strip().startswith(tuple(f'"{one}"' for one in tools))]
    assert len(lines) > len(tools) > 15
    assert not [line for line in lines if not re.search(r"(>=|==)\d.*# .{4}", line)], "each says a version and what it is for"
    names = [re.sub(r"[<>=\[].*", "", line.strip('"')).lower() for line in lines]
    assert not [name for name in names if names.count(name) > 1 or name == "ansible-core"], sorted(names)
