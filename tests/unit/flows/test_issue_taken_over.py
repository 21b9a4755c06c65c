# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lineage of a batch is taken over by another controller right before the batch becomes durable: its neighbours are issued."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Lease
from ansible_collections.certops.clm.tests.unit.flows.issue_world import World, wanted


@pytest.mark.parametrize("flush", [1, 2])
def test_only_the_lineage_that_was_taken_over_fails(tmp_path: Path, flush: int) -> None:
    world = World(tmp_path)
    told = []

    def step(name: str) -> None:
        told.append(name)
        if name == "sync" and told.count(name) == flush:
            world.days(0.01)  # its lease has expired by then
            assert isinstance(world.store().begin("b", None), Lease)

    outcomes = world.run(wanted("a"), wanted("b"), wanted("c"), store=world.store(step=step))
    assert {name: one.state for name, one in outcomes.items()} == {"a": "done", "b": "failed", "c": "done"}, outcomes
    assert "taken over" in outcomes["b"].message
    assert [bool(world.store().current(name)) for name in "abc"] == [True, False, True]
