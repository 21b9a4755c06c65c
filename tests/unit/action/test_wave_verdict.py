# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict reads the host's outcome where the record registered it, and whatever else is there makes the host red."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict
from unittest.mock import MagicMock

import pytest

pytest.importorskip("ansible.plugins.action")

from ansible_collections.certops.clm.plugins.action.wave_verdict import ActionModule
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome

DONE = Outcome("done", "record", before={"sha256": "0" * 64}, after={"sha256": "1" * 64}).as_dict()


def verdict(recorded: Any, name: str = "kept", diff: bool = False, **args: Any) -> Dict[str, Any]:
    """What the verdict of the host h says of what is registered under `name`."""
    task = SimpleNamespace(args={"recorded": "kept", **args}, check_mode=False, diff=diff, async_val=0)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return action.run(task_vars={"inventory_hostname": "h", name: recorded})


def test_a_good_outcome_of_the_host_is_green_and_shows_a_diff_only_when_asked():
    found = verdict({"outcomes": {"h": DONE}})
    assert found["changed"] and not found.get("failed") and found["outcome"] == DONE and "diff" not in found
    shown = verdict({"outcomes": {"h": DONE}}, diff=True)
    assert shown["diff"] == {"before": DONE["before"], "after": DONE["after"]}
    assert not verdict({"outcomes": {"other": DONE}}, host="other").get("failed")


@pytest.mark.parametrize(
    "recorded", [None, "", [], {}, {"outcomes": None}, {"outcomes": [DONE]}, {"outcomes": {"h": "done"}}, {"outcomes": {"other": DONE}}]
)
def test_whatever_else_was_recorded_makes_the_host_red(recorded):
    found = verdict(recorded)
    assert found["failed"] and "The step record left no outcome." in found["msg"]


@pytest.mark.parametrize("name", ["other", "kept "])
def test_a_name_that_nothing_registered_makes_the_host_red(name):
    assert verdict({"outcomes": {"h": DONE}}, name=name)["failed"]


def test_what_was_recorded_is_data_and_no_template():
    text = "{{ lookup('pipe', 'id') }}"
    found = verdict({"outcomes": {"h": {**DONE, "message": text}}})
    assert found["outcome"]["message"] == text and text in found["msg"]
