# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback is planned by the store as it will be, before anything is written."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.lineage_version import Wish, choose
from ansible_collections.certops.clm.plugins.module_utils.ledger import NullLedger
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import judge_all
from ansible_collections.certops.clm.plugins.plugin_utils.going_back import GoneBack
from ansible_collections.certops.clm.plugins.plugin_utils.standing import standings
from ansible_collections.certops.clm.plugins.plugin_utils.wave import start, way_back
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World


@pytest.fixture
def world(tmp_path):
    places = [deployment(f"web{number}") for number in range(1, 5)]
    made = World(tmp_path, data(shop={"names": ["shop.example.com"], "service": "shop", "deployments": places}))
    made.old, made.new = made.authority.chain("shop.example.com", age=30), made.authority.chain("shop.example.com")
    made.version("shop", made.old)
    made.version("shop", made.new)
    for number in range(1, 5):
        made.serve(f"web{number}.example.com|8443|shop.example.com|none", made.new)
    return made


def planned(world, check_mode=True, **wish):
    found = choose(
        [Wish("shop", "shop", reject=True, **wish)],
        store=world.store,
        ledger=NullLedger(),
        clock=lambda: NOW,
        run_id="r",
        check_mode=check_mode,
    )
    return {name: outcome.as_dict() for name, outcome in found.items()}


def judged(world, store):
    observations = Observations.parse(world.observations)
    return {one.deployment.id: one for one in judge_all(load(str(world.save())), observations, store, NOW, identities={})}


def test_the_plan_is_what_the_act_would_leave(world):
    back = planned(world)
    before = judged(world, GoneBack(world.store, back))
    assert {one.deploy.word for one in before.values()} == {"not_served"} and not any(
        one.deploy for one in judged(world, world.store).values()
    )
    planned(world, check_mode=False)
    after = judged(world, world.store)
    assert [(one.deploy, one.wanted_version, one.due) for one in before.values()] == [
        (one.deploy, one.wanted_version, one.due) for one in after.values()
    ]
    assert way_back.due_of(before, back) == way_back.due_of(after, back)


def test_the_version_that_is_left_is_not_taken_again_though_the_old_one_is_to_be_renewed(world):
    world.manifest["lineages"]["shop"]["forced"] = "drill"
    (_place, one), *_rest = judged(world, GoneBack(world.store, planned(world))).items()
    assert one.issue.word == "forced" and one.wanted_version.startswith("000001-")


def test_a_rejected_version_that_is_forced_is_planned(world):
    rejected = world.version("shop", world.authority.chain("shop.example.com", age=2), state="rejected", promote=False)
    back = planned(world, version=rejected, forced="the proof was wrong")
    assert {one.wanted_version for one in judged(world, GoneBack(world.store, back)).values()} == {rejected}


def test_the_sentence_names_both_versions_every_wave_and_until_when(world):
    back = planned(world)
    mine = judged(world, GoneBack(world.store, back))
    found = way_back.due_of(mine, back)
    sizes = start.sizes(found["due"], found["canaries"], mine, [2])
    waves = way_back.waves_of(found["due"], found["canaries"], sizes)
    assert [len(wave) for wave in waves] == [1, 1, 1, 1] and waves[0] == found["canaries"]
    text = way_back.sentence(back, start.summary(mine, [], found["due"], found["canaries"], NOW), waves)
    for side in ("before", "after"):
        assert back["shop"][side]["sha256"] in text and back["shop"][side]["not_after"] in text
    assert "for shop.example.com" in text and "4 of 4 deployments seen, 4 due." in text and f"Wave 4: {waves[3][0]}." in text


def test_what_came_back_already_is_said_so(world):
    planned(world, check_mode=False)
    for number in range(1, 5):
        world.serve(f"web{number}.example.com|8443|shop.example.com|none", world.old)
    back = planned(world)
    mine = judged(world, GoneBack(world.store, back))
    assert way_back.due_of(mine, back) == {"due": [], "canaries": []}
    text = way_back.sentence(back, start.summary(mine, [], [], [], NOW), [])
    assert "shop is at version 000001-" in text and "Nothing to deploy" in text


@pytest.mark.parametrize(("hosts", "sizes", "waves"), [("abcde", [1, 2], ["a", "bc", "de"]), ("", [1], []), ("ab", [9], ["ab"])])
def test_the_last_size_is_used_again_as_serial_does(hosts, sizes, waves):
    assert way_back.waves_of(list(hosts), [], {"canary_sizes": [1], "wave_sizes": sizes}) == [list(wave) for wave in waves]


def test_a_version_that_is_declared_compromised_is_refused(world):
    back = planned(world)
    world.manifest["lineages"]["shop"]["compromised"] = [back["shop"]["after"]["sha256"]]
    manifest = load(str(world.save()))
    found = standings(manifest, [manifest.lineages["shop"]], GoneBack(world.store, back), NOW, {})
    with pytest.raises(ConfigError, match=r"000001-.* of shop is not put back"):
        way_back.refuse_dead(found)


def test_a_lineage_that_the_manifest_does_not_name_is_refused(world):
    with pytest.raises(ConfigError, match=r"the manifest names no lineage 'shp' .*shop"):
        way_back.refuse_unknown(load(str(world.save())), {"shp": {}})


def test_only_a_server_that_made_its_key_is_asked_for_it(world):
    place = deployment("db1")
    world.manifest["lineages"]["db"] = {"names": ["db.example.com"], "key_origin": "host", "deployments": [place]}
    old = world.authority.chain("db.example.com", age=30)
    back = {**planned(world), "db": {"before": {}, "after": {"version": world.version("db", old)}}}
    store = GoneBack(world.store, back)
    (asked,) = way_back.tries(list(judged(world, store).values()), world.store)
    (item,) = asked["deployments"]
    assert asked["server"] == "db1" and (item["key_origin"], item["going_back"]) == ("host", True)
    assert item["version"]["version"] == back["db"]["after"]["version"] and item["version"]["chain_pem"] and "key" not in item["version"]
