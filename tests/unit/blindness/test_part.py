# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of an inventory: which deployments are in one, what a partial look keeps, and what a partial run says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import judge_all
from ansible_collections.certops.clm.plugins.plugin_utils.estate import survey
from ansible_collections.certops.clm.plugins.plugin_utils.inventory_hosts import deployment_hosts
from ansible_collections.certops.clm.plugins.plugin_utils.part import WHOLE, Part, keep_unasked, part_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scope import (
    Scope,
    gaps,
    refuse_crowded,
    refuse_untried,
    scope_of,
    untried,
    went_on,
)
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World

NAMES = ["d", "a", "c", "b", "e"]


@pytest.mark.parametrize(("extra", "limit", "part"), [
    ({}, "", WHOLE), ({}, None, WHOLE), ({"clm_slices": "1"}, "", WHOLE), ({}, "web*", Part("web*")),
    ({"clm_slices": 4}, "", Part(slices=4)), ({"clm_slices": "4", "clm_slice": "2"}, "", Part(slices=4, number=2)),
    ({"awx_job_slice_count": 3}, "", Part(slices=3)), ({"clm_slices": "", "tower_job_slice_count": 2}, "", Part(slices=2)),
])  # fmt: skip
def test_what_a_run_is_limited_to(extra, limit, part):
    assert part_of(extra, limit) == part and bool(part_of(extra, limit)) is (part != WHOLE)


@pytest.mark.parametrize("extra", [
    {"clm_slices": "many"}, {"clm_slices": 0}, {"clm_slices": 1001}, {"clm_slices": [2]},
    {"clm_slice": 2}, {"clm_slices": 2, "clm_slice": 3},
])  # fmt: skip
def test_a_slice_that_is_not_there_is_refused(extra):
    with pytest.raises(ConfigError):
        part_of(extra)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_all_slices_together_have_each_deployment_exactly_once(count):
    slices = [Part(slices=count, number=number).cut(NAMES, {}) for number in range(1, count + 1)]
    assert sorted(name for one in slices for name in one) == sorted(NAMES) and slices[0] == sorted(NAMES)[::count]


@pytest.mark.parametrize(("total", "count", "shares"), [
    (12, 4, [3, 3, 3, 3]), (13, 4, [4, 3, 3, 3]), (11, 4, [11, 0, 0, 0]), (2, 2, [2, 0]), (1, 4, [1, 0, 0, 0]),
])  # fmt: skip
def test_a_service_that_is_too_small_for_so_many_slices_is_whole_in_one(total, count, shares):
    names = [f"shop-{number:02}" for number in range(total)]
    services = {**dict.fromkeys(names, "shop"), "zoo": "", "a": "other"}
    parts = [Part(slices=count, number=number) for number in range(1, count + 1)]
    cut = [part.cut([*services], services) for part in parts]
    assert sorted(name for one in cut for name in one) == sorted(services)
    assert sorted((len(set(one) & set(names)) for one in cut), reverse=True) == shares
    assert {part.share(total) for part in parts} == ({count} if total >= 3 * count else {1}) and Part(slices=count).share(total) == count


def test_members_are_those_that_the_inventory_has_and_the_limit_leaves():
    assert WHOLE.members(NAMES, ["a"]) == NAMES, "without a part, a host that is missing is a mistake"
    assert Part(slices=2).members(NAMES, ["a", "b", "web1"]) == ["a", "b"], "AWX cut it"
    assert Part(slices=2, number=2).members(NAMES, NAMES) == ["d", "b"]
    assert Part("a,b").members(NAMES, NAMES, ["localhost", "b"]) == ["b"]
    assert Part("a,b").members(NAMES, NAMES) == NAMES, "nobody said which hosts it leaves"


def test_a_slice_that_we_cut_has_every_host_and_works_on_its_own_only(tmp_path):
    places = [deployment(f"web{number}") for number in range(1, 9)]
    world = World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": places}))
    estate = survey(Manifest.parse(world.manifest, str(world.save())), (), lambda: NOW)
    made = [deployment_hosts(estate, NOW, Part(slices=2, number=number)) for number in (1, 2)]
    due = [one.ordered["clm_due"] for one in made]
    assert sorted(due[0] + due[1]) == sorted(deployment_hosts(estate, NOW).ordered["clm_due"]) and len(due[0]) == len(due[1]) == 4
    assert [len(one.hosts) for one in made] == [8, 8] and [len(one.ordered["clm_canary"]) for one in made] == [1, 0]


def row(error="", **more):
    return {"reached": not error, "error": error, "findings": [], "served": [], **more}


def test_a_partial_look_keeps_what_servers_said_that_it_did_not_ask():
    blind = {"observations": [{"answer": "could_not_look"}], "from": "controller"}
    by_host = {"observations": [{"answer": "answered"}], "from": "web2"}
    unasked = {name: row("it was not asked") for name in ("web1", "web2", "web3")}
    look = {"taken_at": "now", "servers": unasked, "endpoints": {"a": blind, "b": by_host}}
    earlier = {
        "taken_at": "before",
        "servers": {"web1": row(), "web2": row(), "web3": row(kept_from="long ago"), "web9": row()},
        "endpoints": {"a": by_host, "b": by_host, "gone": by_host},
    }
    look["servers"]["web1"] = row("it was not reached")
    keep_unasked(look, earlier, {"web1": {"unreachable": True}, "web2": {}}, Part("web1"))
    assert look["part"] == "limited to 'web1' (--limit)"
    assert look["servers"] == {
        "web1": row("it was not reached"),
        "web2": row(kept_from="before"),
        "web3": row(kept_from="long ago"),
    }
    assert look["endpoints"] == {"a": {**by_host, "kept_from": "before"}, "b": by_host}


def test_a_partial_run_says_how_much_is_in_it_and_what_it_leaves_out():
    judged = dict.fromkeys(NAMES, SimpleNamespace(lineage=SimpleNamespace(service="")))
    scope = scope_of(Part(slices=4, number=1), judged, ["b", "a"], NAMES, None)
    assert scope.mine == ("a", "e") and scope.outside == ("b",) and scope.of(["b", "a"]) == ["a"]
    assert scope.sentence(["ldap"]) == (
        "Partial: slice 1 of 4; 2 of 5 managed deployments are in this run. 2 are due and left out of it: b, the lineage ldap."
    )
    shop = {"a": "shop", "b": "shop", "c": "", "d": "api", "e": "web"}
    services = {name: SimpleNamespace(lineage=SimpleNamespace(service=service)) for name, service in shop.items()}
    said = scope_of(Part(slices=3, number=1), services, ["b"], NAMES, None)
    assert said.mine == ("a", "b", "d") and "It has nothing of these services: web. Nothing that is due is left out" in said.sentence()
    said = scope_of(Part(slices=9, number=9), services, ["b"], NAMES, None)
    assert said.mine == () and said.sentence().endswith(
        "0 of 5 managed deployments are in this run. It has none of them, so that nothing was done here says nothing of them. "
        "1 are due and left out of it: b."
    )
    assert scope.event() == {"partial": True, "part": "slice 1 of 4", "in_run": 2, "left_out": 1}
    assert scope.without_undeployed({"due": 3, "to_issue": ["ldap"]}) == {"due": 2, "to_issue": []}
    whole = scope_of(WHOLE, judged, ["b"], [], None)
    assert whole == Scope(WHOLE, tuple(NAMES), 5) and whole.sentence() == "" and whole.event() == {} and whole.hint() == ""
    assert whole.without_undeployed({"due": 3, "to_issue": ["ldap"]}) == {"due": 3, "to_issue": ["ldap"]}


def test_somebody_elses_slices_are_refused_where_they_could_take_more_than_a_third_of_a_service_at_once():
    def judged(*due, service="shop", total=12):
        names = [f"{service}{number}" for number in range(total)]
        return {name: SimpleNamespace(lineage=SimpleNamespace(service=service), due=name in due) for name in names}

    five = ["shop1", "shop2", "shop3", "shop4", "shop5"]
    estate = {**judged(*five), **judged("api0", service="api", total=1), **judged("x1", "x2", service="", total=3)}
    mine = ["shop1", "api0", "x1"]
    refuse_crowded(Part(slices=4), estate, mine)
    refuse_crowded(Part(slices=9), {**estate, **judged("shop1", "shop2")}, mine)
    refuse_crowded(Part(slices=5), estate, ["api0", "x1"])
    refuse_crowded(Part(slices=5, number=2), estate, mine)
    refuse_crowded(Part("web*"), estate, mine)
    with pytest.raises(ClmError, match=r"^5 slices .* a third of shop \(5 of 12 deployments are due\)\. Nothing was changed") as caught:
        refuse_crowded(Part(slices=5), estate, mine)
    assert "-e clm_slice=1" in caught.value.hint and caught.value.runbook == "refused"


@pytest.mark.parametrize(("versions", "forced", "refused"), [
    ([], "", True), (["issued"], "", True), (["proven"], "", False), (["proven"], "drill", True),
])  # fmt: skip
def test_a_slice_refuses_what_was_proven_nowhere_and_only_where_there_are_canaries(tmp_path, versions, forced, refused):
    places = {"shop": [deployment("web1"), deployment("web2")], "api": [deployment("app1")]}
    lineages = {name: {"names": [f"{name}.example.com"], "deployments": found, "forced": forced} for name, found in places.items()}
    world = World(tmp_path, data(**lineages))
    for state in versions:
        world.version("shop", world.authority.chain("shop.example.com"), state=state)
    world.save()
    judged = {one.deployment.id: one for one in judge_all(Manifest.parse(world.manifest, "m"), Observations(), world.store, NOW)}
    assert untried(judged.values()) == (["shop"] if refused else [])
    api = [name for name in judged if name.startswith("api")]
    refuse_untried(Part(slices=4), judged, api)
    refuse_untried(Part("localhost,clm_canary"), judged, list(judged))
    refuse_untried(WHOLE, judged, list(judged))
    if refused:
        with pytest.raises(ClmError, match=r"proven nowhere yet, which a slice never tries: shop\. Nothing was changed") as caught:
            refuse_untried(Part(slices=4, number=2), judged, list(judged))
        assert "--limit 'localhost,clm_canary,clm_servers'" in caught.value.hint and caught.value.runbook == "refused"
    else:
        refuse_untried(Part(slices=4), judged, list(judged))


def test_gaps_are_what_nobody_allowed():
    looked = {"silent": {"source 1 endpoints": "one"}, "fewer": {"server web1": "two", "endpoints": "three"}, "not_seen": ["others"]}
    assert gaps(looked) == ["one", "two"] and gaps(looked, ["web1"]) == ["one"] and gaps(looked, ["all"]) == [] and gaps({}) == []
    assert went_on([]) == "" and went_on(["one", "two"]) == "It goes on without having seen this: one; two."
