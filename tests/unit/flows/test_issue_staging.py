# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A staging CA whose roots somebody even gave as anchors never replaces what a real CA issued."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.certops.clm.tests.unit.flows.issue_world import World, wanted
from ansible_collections.certops.clm.tests.unit.issuers import make


@pytest.mark.parametrize("name", ["(STAGING) Pretend Pear X1", "Fake LE Intermediate X1", "Acme Staging CA"])
def test_it_may_begin_a_lineage_and_never_take_one_over(tmp_path: Path, name: str) -> None:
    world = World(tmp_path)
    staging = make.local_ca(tmp_path / "staging", intermediate={"common_name": name})
    assert world.run(wanted("trial"), issuer=staging)["trial"].state == "done"
    assert world.run(wanted("trial", forced="again"), issuer=staging)["trial"].state == "done"
    assert world.run(wanted("shop"))["shop"].state == "done"
    before = world.store().current("shop")
    outcome = world.run(wanted("shop"), issuer=staging)["shop"]
    assert outcome.state == "failed" and "staging" in outcome.message and world.store().current("shop") == before
    assert world.run(wanted("trial"))["trial"].state == "done", "the real one takes over from staging"
