# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The byte code that the lab's managed hosts keep is found again, and only for the very same source."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import zipfile

import pytest

KEPT_CODE = pathlib.Path(__file__).parents[1] / "lab" / "kept_code.py"

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import ansible_collections.one, other
print(ansible_collections.one.VALUE, other.VALUE)
"""


@pytest.fixture
def python(tmp_path: pathlib.Path) -> str:
    """A Python of its own that keeps byte code of zips."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "python")], check=True)
    (tmp_path / "python" / "kept").mkdir()
    (packages,) = (tmp_path / "python" / "lib").glob("python3.*/site-packages")
    (packages / "sitecustomize.py").write_bytes(KEPT_CODE.read_bytes())
    return str(tmp_path / "python" / "bin" / "python")


def said(python: str, place: pathlib.Path, value: int) -> str:
    """What a program prints that imports this value from a zip as Ansible sends one."""
    path = place / f"{value}.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("ansible_collections/__init__.py", "")
        made.writestr("ansible_collections/one.py", f"VALUE = {value}\n")
        made.writestr("other.py", f"VALUE = {value}\n")
    return subprocess.run([python, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=True).stdout.strip()


def test_the_same_source_is_compiled_once_and_another_one_is_never_answered_with_it(python: str, tmp_path: pathlib.Path) -> None:
    kept = tmp_path / "python" / "kept"
    assert said(python, tmp_path, 1) == "1 1"
    first = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert len(first) == 2, "ansible_collections and one; other.py is none of Ansible's"
    assert said(python, tmp_path, 1) == "1 1" and {path.name: path.stat().st_mtime_ns for path in kept.iterdir()} == first
    assert said(python, tmp_path, 2) == "2 2" and len(list(kept.iterdir())) == 3


def test_what_was_kept_badly_is_compiled_again(python: str, tmp_path: pathlib.Path) -> None:
    assert said(python, tmp_path, 1) == "1 1"
    for path in (tmp_path / "python" / "kept").iterdir():
        path.write_bytes(path.read_bytes()[:9])
    assert said(python, tmp_path, 1) == "1 1"
