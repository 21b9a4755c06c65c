# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lineages without a deployment, while the ledger cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("ansible.plugins.action")

from ansible_collections.certops.clm.plugins.action.campaign_issue import _work
from ansible_collections.certops.clm.tests.support.manifests import data


@pytest.mark.parametrize("shut", [True, False])
def test_a_ledger_that_shut_is_a_problem_of_the_task_for_no_other_play_would_tell(tmp_path: Path, shut: bool) -> None:
    whole = data()
    whole["ledger"] = {"path": "ledger", "break_glass": "INC-7", "allow_ephemeral": True}
    whole["secret_store"] = {"type": "directory", "path": "store", "allow_ephemeral": True}
    (tmp_path / "manifest.yml").write_text(json.dumps(whole))
    if shut:
        (tmp_path / "ledger").write_text("a file where the folder was")
    answer = _work({"manifest": str(tmp_path / "manifest.yml"), "lineages": [], "run_id": "r", "published": []}, False, ())
    assert (str(tmp_path / "ledger") in answer.problem) is shut and bool(answer.more.get("shut")) is shut
