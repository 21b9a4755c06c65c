# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a rotation: never blind, never a silent nothing, and what a killed run did not live to promote."""

from __future__ import annotations

import re

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.policy.policy import Policy
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import canaries, judge_all, rollout_order
from ansible_collections.certops.clm.plugins.plugin_utils.part import Part
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing, standings, undeployed
from ansible_collections.certops.clm.plugins.plugin_utils.wave import start
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World, finding


def judged(world):
    return {one.deployment.id: one for one in judge_all(load(str(world.save())), Observations.parse(world.observations), world.store, NOW)}


@pytest.fixture
def world(tmp_path):
    places = [deployment(f"web{number}") for number in range(1, 5)]
    return World(tmp_path, data(shop={"names": ["shop.example.com"], "service": "shop", "deployments": places}))


def serve(world, *chains):
    for number, chain in enumerate(chains, 1):
        world.serve(f"web{number}.example.com|8443|shop.example.com|none", chain)


ALL = [f"web{number}" for number in range(1, 5)]


@pytest.mark.parametrize(
    ("reached", "servers", "allowed", "spots"),
    [
        (ALL, ALL, [], []),
        (ALL[:3], ALL, [], ["web4: it was cut off"]),
        (ALL[:3], ALL, ["web4"], []),
        ([], ALL, ["all"], []),
        (ALL, ALL[:3], [], ["'web4', which the inventory does not have"]),
        ([], ALL[:3], ["all"], ["'web4'"]),  # a mistake in the manifest is no blindness
    ],
)
def test_a_server_that_could_not_be_asked_is_a_blind_spot(world, reached, servers, allowed, spots):
    for name in ALL:
        world.server(name, reached=name in reached, error="" if name in reached else "it was cut off")
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    serve(world, chain, chain, chain, chain)
    found = start.blind_spots(Observations.parse(world.observations), judged(world), servers, allowed)
    assert len(found) == len(spots) and all(part in text for part, text in zip(spots, found))


def test_what_nobody_saw_and_is_not_due_would_be_green_by_luck(world):
    for name in ALL:
        world.server(name, *[finding("/etc/tls/shop.pem", chain) for chain in [world.authority.chain("shop.example.com")]])
    before = start.blind_spots(Observations.parse(world.observations), judged(world), ALL, [])
    assert before == [], "without a version all are due, and their waves prove them"
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    serve(world, chain, chain, chain)
    world.server("web4", finding("/etc/tls/shop.pem", chain))
    found = start.blind_spots(Observations.parse(world.observations), judged(world), ALL, [])
    assert len(found) == 1 and "web4" in found[0]


def test_a_server_that_was_never_asked_is_a_blind_spot(world):
    found = start.blind_spots(Observations.parse(world.observations), judged(world), ALL, ALL[1:])
    assert found == ["web1: it was not asked"]


def test_the_message_of_a_blind_run_is_bounded():
    text = start.blind_message([f"spot {number}" for number in range(12)])
    assert "spot 9" in text and "spot 10" not in text and text.endswith("and 2 more")


def test_a_run_id_sorts_by_time_and_is_never_used_twice():
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", start.new_run_id(NOW))
    assert len({start.new_run_id(NOW) for _time in range(20)}) == 20


def test_sizes_and_sentence_of_a_rotation(world):
    found = judged(world)
    due = list(found)
    sizes = start.sizes([*due, "stranger"], due[:1], found, [2, "rest"])
    assert sizes == {"canary_sizes": [1], "wave_sizes": [1, 1, 1]}, "never more than a third of a service"
    facts = start.summary(found, [], due, due[:1], NOW)
    assert (facts["managed"], facts["due"], facts["canaries"], facts["seen"]) == (4, 4, 1, 0)
    assert "4 due. 1 go first as canaries, then 3 in waves of 1, 1, 1." in start.sentence(facts, sizes)


@pytest.mark.parametrize(("slices", "number", "total", "sizes"), [
    (1, 0, 24, [8, 8, 8]), (4, 1, 24, [2] * 12), (4, 0, 24, [2] * 12), (2, 2, 12, [2] * 6),
    (5, 1, 12, [4, 4, 4]),  # too small for five: it is whole in one slice
    (5, 0, 12, [1] * 12),
])  # fmt: skip
def test_slices_at_once_hold_a_third_of_a_service_together_and_not_each(tmp_path, slices, number, total, sizes):
    places = [deployment(f"web{number}") for number in range(1, total + 1)]
    found = judged(World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": places})))
    part = Part(slices=slices, number=number)
    assert start.sizes(list(found), [], found, ["rest"], part)["wave_sizes"] == sizes
    assert max(sizes) * part.share(total) <= total // 3 or not number


def lineage(name, environment, count=2):
    files = {"certificate_file": f"/etc/tls/{name}.pem", "key_file": f"/etc/tls/{name}.key"}
    places = [deployment(f"{name}{number}", **files) for number in range(1, count + 1)]
    return {"names": [f"{name}.example.com"], "environment": environment, "service": "", "deployments": places}


def test_canaries_of_a_later_environment_are_in_a_later_wave(tmp_path):
    wanted = {"a": "prod", "b": "dev", "c": "staging", "d": "dev", "e": "", "f": "test"}
    found = judged(World(tmp_path, data(**{name: lineage(name, environment) for name, environment in wanted.items()})))
    ordered = rollout_order(list(found.values()))
    first = [one.deployment.id for one in canaries(ordered)]
    assert [host[0] for host in first] == ["b", "d", "f", "c", "a", "e"]
    assert start.sizes([one.deployment.id for one in ordered], first, found, ["rest"])["canary_sizes"] == [2, 1, 1, 2]


@pytest.mark.parametrize(("waves", "sizes"), [
    (["rest"], [4, 3, 20]), (["10%", "rest"], [1, 3, 1, 2, 2, 18]), ([3], [3, 1, 3] + [3] * 6 + [2]),
])  # fmt: skip
def test_no_wave_mixes_environments_and_each_goes_through_all_entries(tmp_path, waves, sizes):
    wanted = {"a": ("prod", 20), "b": ("dev", 4), "c": ("uat", 1), "d": ("staging", 2)}
    found = judged(World(tmp_path, data(**{name: lineage(name, *how) for name, how in wanted.items()})))
    ordered = [one.deployment.id for one in rollout_order(list(found.values()))]
    assert start.sizes(ordered, [], found, waves)["wave_sizes"] == sizes


def test_an_inventory_in_another_order_is_told_and_its_waves_are_not_one_for_each_change_of_environment(tmp_path):
    found = judged(World(tmp_path, data(**{name: lineage(name, env, 4) for name, env in (("a", "prod"), ("b", "dev"))})))
    by_name = [f"{name}{number}" for number in range(1, 5) for name in "ab"]
    by_name = [next(host for host in found if host.startswith(f"{one[0]}-{one}")) for one in by_name]
    ordered = [one.deployment.id for one in rollout_order(list(found.values()))]
    assert start.sizes(by_name, [], found, ["rest"])["wave_sizes"] == [8] and "by environment" in start.unordered(by_name, found)
    assert start.sizes(ordered, [], found, ["rest"])["wave_sizes"] == [4, 4] and start.unordered([*ordered, "stranger"], found) == ""


def test_an_entry_that_is_no_wave_is_refused_also_when_nothing_is_due():
    with pytest.raises(ConfigError):
        start.sizes([], [], {}, ["soon"])


def test_nothing_due_says_what_comes_next(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    serve(world, chain, chain, chain, chain)
    found = judged(world)
    facts, sizes = start.summary(found, [], [], [], NOW), start.sizes([], [], found, ["rest"])
    assert sizes == {"canary_sizes": [1], "wave_sizes": [1]}, "an empty serial is an error of Ansible"
    assert "Nothing to do. The next one is shop at 20" in start.sentence(facts, sizes) and facts["seen"] == 4


def test_what_a_killed_run_left_served_but_unproven_is_due_and_not_taken_for_good(world):
    old, new = world.authority.chain("shop.example.com", age=60), world.authority.chain("shop.example.com")
    world.version("shop", old)
    world.version("shop", new, state="issued", promote=False)
    serve(world, new, new, new, new)
    found = judged(world)
    assert {one.deploy.word for one in found.values()} == {"unproven"} and all(one.due for one in found.values())


def test_an_inventory_that_leaves_out_what_is_due_stops_the_run(world):
    old = world.authority.chain("shop.example.com", age=60)
    world.version("shop", old)
    world.version("shop", world.authority.chain("shop.example.com"))
    serve(world, old, old, old, old)
    found = judged(world)
    assert start.left_out(found, list(found), NOW) == [] and start.left_out(found, [], NOW) == list(found)


def alone(world, now=NOW):
    manifest = load(str(world.save()))
    return standings(manifest, undeployed(manifest), world.store, now, {})


def test_a_lineage_without_a_deployment_counts_as_seen_managed_and_due(world):
    world.manifest["lineages"] = {name: {"names": [f"{name}.example.com"], "deployments": []} for name in ("ldap", "mail")}
    world.version("ldap", world.authority.chain("ldap.example.com"))
    kept = alone(world)
    facts = start.summary({}, kept, [], [], NOW)
    assert [facts[key] for key in ("seen", "managed", "undeployed", "due")] == [1, 2, 2, 1] and facts["to_issue"] == ["mail"]
    text = start.sentence(facts, {"canary_sizes": [1], "wave_sizes": [1]})
    assert text == (
        "0 of 0 managed deployments seen, and 1 of 2 lineages without a deployment in the secret store; 1 due. "
        "Issued into the secret store only: mail."
    )
    world.version("mail", world.authority.chain("mail.example.com", age=2))
    facts = start.summary({}, alone(world), [], [], NOW)
    assert facts["due"] == 0 and "Nothing to do. The next one is mail at 20" in start.sentence(facts, {})


def test_a_lineage_without_a_deployment_is_due_while_its_newest_version_is_not_the_current_one(world):
    world.manifest["lineages"] = {"ldap": {"names": ["ldap.example.com"], "deployments": []}}
    world.version("ldap", world.authority.chain("ldap.example.com", age=70))
    world.version("ldap", world.authority.chain("ldap.example.com"), state="issued", promote=False)
    assert [one.issue.word for one in alone(world)] == ["expiring"], "no wave will ever make it the current one"


def test_a_store_that_cannot_tell_about_a_lineage_is_a_blind_spot(world):
    kept = Standing(load(str(world.save())).lineages["shop"], Policy.load(()), error="its folder cannot be read")
    assert start.blind_spots(Observations(), {}, [], [], [kept]) == ["shop: its folder cannot be read"]
    assert start.blind_spots(Observations(), {}, [], ["shop"], [kept]) == []
