# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lint, types, the house and generated files: what a second reading of the source can tell."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.certops.clm.tests.support.environment import ROOT, run, venv

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
