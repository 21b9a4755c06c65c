# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The most dangerous cells of the fault matrix, in a lab of their own; all of them: `make faults`."""

from __future__ import annotations

import os
import shutil
from typing import Iterator

import pytest

from ansible_collections.certops.clm.tests.faults.cell import run_cell
from ansible_collections.certops.clm.tests.faults.faults import FAULTS
from ansible_collections.certops.clm.tests.faults.gate import built
from ansible_collections.certops.clm.tests.faults.matrix import SUBSET, not_here
from ansible_collections.certops.clm.tests.faults.world import World
from ansible_collections.certops.clm.tests.support.environment import not_there

CELLS = [place[1:] for place in SUBSET]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One estate for all cells of this file."""
    if os.geteuid() != 0 or not shutil.which("nsenter"):
        not_there("namespaces", "the fault matrix needs hosts with a view of their own: root and mount namespaces")
    built()  # without a C compiler nothing is begun
    made = World()
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.mark.xdist_group("faults")
@pytest.mark.parametrize("step, fault", CELLS, ids=[f"{fault} at {step}".replace(" ", "-") for step, fault in CELLS])
def test_nothing_is_lost(world, step, fault):
    if not_here(fault):
        not_there("faults", not_here(fault))
    record = run_cell(world, step, FAULTS[fault])
    assert record["caught"], "the process never came to this step"
    assert record["broken"] == [], record
