# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""results/matrix.json says of every cell what a run found, of a commit that this one comes from, and nothing is broken."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from ansible_collections.certops.clm.tests.faults import records
from ansible_collections.certops.clm.tests.faults.matrix import matrix

LEFT = 0  # cells that no run has come to yet
FOUND = json.loads(records.RESULTS.read_text())


def test_every_cell_of_the_matrix_has_one_record():
    assert sorted(records.place_of(one) for one in FOUND["records"]) == sorted(matrix()[0])
    assert FOUND["table"] == records.table(FOUND["records"])
    assert sum(FOUND["counts"].values()) == FOUND["cells"] == len(FOUND["records"])


def test_no_cell_is_broken_and_each_was_reached():
    bad = {records.place_of(one): one["broken"] for one in FOUND["records"] if records.word_of(one) in ("broken", "not caught")}
    assert bad == {}


def test_no_more_is_left_to_run_than_was():
    """LEFT only ever falls: `run.py --keep` runs what is missing."""
    missing = [records.place_of(one) for one in FOUND["records"] if one.get("not_run")]
    assert len(missing) <= LEFT, missing


def test_each_result_is_of_a_commit_that_this_one_comes_from():
    for name in {one["commit"] for one in FOUND["records"] if not one.get("not_run")}:
        assert re.fullmatch("[0-9a-f]{12}", name), f"{name}: run it on a whole commit"
        known = subprocess.run(["git", "cat-file", "-e", name], cwd=records.ROOT, capture_output=True, check=False).returncode == 0
        if not known and (records.ROOT / ".git").exists() and records._git("rev-parse", "--is-shallow-repository") == "true":
            pytest.skip("a shallow clone does not know its past")
        done = subprocess.run(["git", "merge-base", "--is-ancestor", name, "HEAD"], cwd=records.ROOT, capture_output=True, check=False)
        assert known and done.returncode == 0, f"{name} is no ancestor of this commit"
