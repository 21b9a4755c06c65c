# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report takes from the run that it is of: whether change windows counted in it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils.report.gather import gather
from ansible_collections.certops.clm.plugins.plugin_utils.report.write import page
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import GOING_BACK
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World

START = {"action": "campaign", "step": "start"}


@pytest.fixture
def manifest(tmp_path):
    """Two places that are due and outside of their window, and two runs in the ledger."""
    world = World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": [deployment("web1"), deployment("web2")]}))
    begin = (NOW + timedelta(hours=2)).replace(minute=0, second=0)
    rule = {"from": f"{begin:%H}:00", "to": f"{begin + timedelta(hours=1):%H}:00"}
    world.manifest.update(windows={"later": {"time_zone": "UTC", "rules": [rule]}})
    world.manifest["lineages"]["shop"]["window"] = "later"
    chain = world.authority.chain("shop.example.com", age=66)
    world.version("shop", chain)
    for number in (1, 2):
        world.serve(f"web{number}.example.com|8443|shop.example.com|none", chain)
    found = load(str(world.save()))
    with open_ledger(found, lambda: NOW, False) as ledger:
        for run, why in (("r0", {}), ("back", {"ignore_windows": GOING_BACK}), ("r1", {"ignore_windows": "ticket 1"})):
            ledger.append([{**START, "run_id": run, **why}])
    return found, world.store


@pytest.mark.parametrize(("run", "asked", "state"), [
    ("r1", "", "due"), ("r0", "", "waiting"), ("", "", "waiting"), ("", "ticket 2", "due"), ("back", "", "waiting"),
])  # fmt: skip
def test_nothing_waits_for_a_window_that_does_not_count(manifest, run, asked, state):
    found = gather(*manifest, run, NOW, ignore_windows=asked)
    assert [place["state"] for place in found["places"]] == [state] * 2
    tiles = {tile["label"]: tile["number"] for tile in found["tiles"]}
    assert (tiles["still due"], tiles["wait for their window"]) == ((2, 0) if state == "due" else (0, 2))


@pytest.mark.parametrize(("days", "advised"), [(89, ""), (200, "mozilla_intermediate: a lifetime of at most 90 days is advised")])
def test_what_is_allowed_but_better_not_done_is_told(tmp_path, days, advised):
    world = World(tmp_path)
    chain = world.authority.chain("shop.example.com", days=days)
    world.version("shop", chain)
    world.serve("web1.example.com|8443|shop.example.com|none", chain)
    found = gather(load(str(world.save())), world.store, "", NOW)
    assert [row["advice_text"] for row in found["lineages"]] == [advised] and found["tone"] == ""
    assert page(found).count("Allowed, but mozilla_intermediate") == bool(advised)
