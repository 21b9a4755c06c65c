# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside of its window a due deployment waits, unless it must not: then that is said wherever people read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.policy.patience import can_wait
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import canaries, judge_all
from ansible_collections.certops.clm.plugins.plugin_utils.estate import summary, survey
from ansible_collections.certops.clm.plugins.plugin_utils.inventory_hosts import deployment_hosts
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import floor_of, reason_to_ignore
from ansible_collections.certops.clm.plugins.plugin_utils.wave import start, waits
from ansible_collections.certops.clm.plugins.plugin_utils.wave.plan import make_plan
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import DAY, NOW, World

HOUR = timedelta(hours=1)
SHUT = "the change window later is closed"


def later(open_now=False):
    """A window that is open around now, or opens in two hours."""
    begin = NOW + (timedelta(0) if open_now else 2 * HOUR)
    moment = begin.replace(minute=0, second=0)
    return {"time_zone": "UTC", "rules": [{"from": f"{moment:%H}:00", "to": f"{moment + HOUR:%H}:00"}]}, moment


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": [deployment(f"web{n}") for n in (1, 2)]}))
    window, _opens = later()
    made.manifest.update(windows={"later": window})
    shop(made)["window"] = "later"
    return made


def shop(world):
    return world.manifest["lineages"]["shop"]


def serve(world, **leaf):
    """Both servers serve the current version; its age makes it due, or not."""
    chain = world.authority.chain("shop.example.com", **leaf)
    world.version("shop", chain)
    for number in (1, 2):
        world.serve(f"web{number}.example.com|8443|shop.example.com|none", chain)
    return chain


def judge(world, **more):
    return judge_all(load(str(world.save())), Observations.parse(world.observations), world.store, NOW, **more)


def test_it_waits_while_enough_life_is_left_and_says_until_when(world):
    serve(world, age=66)  # of 90 days: due, with more than a quarter left
    one, other = judge(world)
    assert (one.due, one.waiting, one.issue.word) == (False, True, "expiring")
    assert one.timing.opens == later()[1] and one.timing.sentence.startswith(f"{SHUT}; the next opening is {later()[1]:%Y-%m-%dT%H}")
    assert other.waiting and not any(two.due for two in canaries([one, other]))


def test_an_open_window_holds_nothing_up_and_is_not_mentioned(world):
    serve(world, age=66)
    world.manifest["windows"]["later"] = later(open_now=True)[0]
    assert [(one.due, one.timing) for one in judge(world)] == [(True, None)] * 2


def test_what_is_not_due_does_not_wait(world):
    serve(world)
    assert [(one.due, one.waiting, one.timing) for one in judge(world)] == [(False, False, None)] * 2


def test_a_freeze_holds_up_as_a_window_does(world):
    serve(world, age=66)
    del shop(world)["window"]
    freeze = {"time_zone": "UTC", "from": f"{NOW - DAY:%Y-%m-%d}", "to": f"{NOW + DAY:%Y-%m-%d}", "environments": ["prod"]}
    world.manifest["freezes"] = {"audit": freeze}
    assert judge(world)[0].timing.sentence.startswith("the freeze audit holds until ")
    shop(world)["environment"] = "dev"
    world.manifest["lineages"]["other"] = {"names": ["o.example.com"]}
    assert judge(world)[0].due


@pytest.mark.parametrize(
    ("leaf", "floor", "says"),
    [
        ({"age": 68}, "", "holds only for 22 days more"),  # less than a quarter of 90 days
        ({"age": 66}, "30d", "holds only for 24 days more"),
        ({"age": 66}, "1h", ""),  # never below twelve hours or a quarter
        ({"age": 91}, "", "what is served expired at"),
    ],
)
def test_below_the_floor_the_window_is_overridden_and_that_is_said(world, leaf, floor, says):
    serve(world, **leaf)
    if floor:
        world.manifest["window_floor"] = floor
    one = judge(world)[0]
    assert (one.due, one.waiting) == (bool(says), not says)
    if says:
        assert one.timing.sentence.startswith(f"{SHUT}, but it does not wait: what is served") and says in one.timing.sentence


def test_the_floor_is_where_the_verdict_of_a_wave_ends_its_patience():
    for hours, life in ((11, 40), (12, 40), (13, 40), (20, 80), (21, 80), (599, 2400), (601, 2400)):
        lived = (NOW - (life - hours) * HOUR, NOW + hours * HOUR)
        assert can_wait(lived, NOW) == (hours * HOUR > floor_of(life * HOUR, None))


def forced(world, _chain):
    shop(world)["forced"] = "drill"


def compromised(world, chain):
    from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate

    shop(world)["compromised"] = [Certificate.from_pem(chain[0]).sha256]


def issued_by_force(world, _chain):
    """An earlier wave issued what was asked for; this server does not have it yet."""
    shop(world)["forced"] = "drill"
    world.version("shop", world.authority.chain("shop.example.com"), forced="drill")


def unseen(world, _chain):
    world.endpoints.clear()
    world.serve("web1.example.com|8443|shop.example.com|none", answer="refused", error="no certificate")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (forced, "asked for: drill"),
        (compromised, "its private key is declared compromised"),
        (issued_by_force, "asked for: drill"),
        (unseen, "nothing is known to be served there"),
    ],
)
def test_what_must_not_wait_overrides_at_once(world, change, says):
    change(world, serve(world))
    one = judge(world)[0]
    assert one.due and says in one.timing.sentence


def test_somebody_can_ask_for_no_window_to_count(world):
    serve(world, age=66)
    one = judge(world, ignore_windows="ticket 1")[0]
    assert one.due and "windows and freezes are ignored in this run (ticket 1)" in one.timing.sentence


@pytest.mark.parametrize(("value", "reason"), [(None, ""), ("", ""), (False, ""), ("  a\nticket ", "a ticket"), ("x" * 900, "x" * 500)])
def test_the_reason_is_one_line_of_bounded_length(value, reason):
    assert reason_to_ignore(value) == reason


@pytest.mark.parametrize("value", [True, "x", 1, ["why"]])
def test_what_is_no_reason_is_refused(value):
    with pytest.raises(ConfigError) as error:
        reason_to_ignore(value)
    assert error.value.field == "clm_ignore_windows"


def test_only_a_missing_proof_waits_for_no_window(world):
    chain = serve(world)
    world.version("shop", chain, state="issued")
    one = judge(world)[0]
    assert (one.deploy.word, one.due, one.timing) == ("unproven", True, None)


def test_hosts_are_in_a_group_of_their_own_and_say_why(world):
    serve(world, age=66)
    manifest = Manifest.parse(world.manifest, str(world.save()))
    estate = survey(manifest, [], lambda: NOW)
    made = deployment_hosts(estate, NOW)
    hosts = [host for host in made.hosts if host.variables["clm_lineage"] == "shop"]
    assert made.ordered["clm_due"] == [] and made.ordered["clm_waiting"] == [host.name for host in hosts]
    assert {host.variables["clm_waiting_until"] for host in hosts} == {f"{later()[1]:%Y-%m-%dT%H}:00:00Z"}
    assert SHUT in hosts[0].variables["clm_waiting_for"] and hosts[0].variables["clm_window_override"] == ""
    assert (summary(estate, NOW)["waiting"], summary(estate, NOW)["due"]) == (2, 0)
    ignored = deployment_hosts(survey(manifest, [], lambda: NOW, ignore_windows="ticket 1"), NOW)
    assert len(ignored.ordered["clm_due"]) == 2 and "ticket 1" in ignored.hosts[0].variables["clm_window_override"]


def begin(world, **more):
    judged = {one.deployment.id: one for one in judge(world, **more)}
    due = [host for host, one in judged.items() if one.due]
    found = start.sizes(due, [], judged, ["rest"])
    facts = start.summary(judged, [], due, [], NOW, more.get("ignore_windows", ""))
    return judged, facts, start.sentence(facts, found)


def test_what_is_ahead_counts_and_names_what_waits_also_when_there_is_nothing_to_do(world):
    serve(world, age=66)
    judged, facts, text = begin(world)
    assert f"2 wait for their change window, the first opening is at {facts['next_opening']}: {', '.join(judged)}" in text
    assert "-e clm_ignore_windows='why'" in text and "Nothing to do." in text
    (event,) = start.events("r1", facts)
    assert (event["due"], event["waiting"], event["overridden"]) == (0, 2, 0) and "ignore_windows" not in event


def test_what_is_ahead_says_what_goes_outside_of_its_window(world):
    serve(world, age=66)
    _judged, facts, text = begin(world, ignore_windows="ticket 1")
    assert "2 of them are worked on outside of their change window" in text and "(ticket 1)" in text and "wait for" not in text
    (event,) = start.events("r1", facts)
    assert (event["due"], event["waiting"], event["overridden"], event["ignore_windows"]) == (2, 0, 2, "ticket 1")


def test_a_window_that_opened_a_moment_ago_is_no_fault_of_the_inventory(world):
    serve(world, age=66)
    _window, opens = later()
    manifest, seen = load(str(world.save())), Observations.parse(world.observations)
    for minutes, missing in ((1, []), (6, ["both"])):
        now = opens + timedelta(minutes=minutes)
        judged = {one.deployment.id: one for one in judge_all(manifest, seen, world.store, now)}
        assert all(one.due for one in judged.values())
        assert bool(waits.without_just_opened(list(judged), judged, manifest.schedule, now, "")) == bool(missing)
    assert waits.without_just_opened(list(judged), judged, manifest.schedule, opens, "ticket 1") == list(judged), "asked for: none may miss"


def test_a_wave_that_comes_too_late_for_its_window_defers_before_any_write(world):
    serve(world, age=66)
    judged = {one.deployment.id: one for one in judge(world)}
    answer = make_plan(load(str(world.save())), list(judged), judged, ["web1", "web2"], run_id="r1", issue=True)
    assert answer["plan"]["items"] == {} == answer["requests"] and set(answer["plan"]["waiting"]) == set(judged)
    for outcome in answer["outcomes"].values():
        assert (outcome["state"], outcome["step"], outcome["reason"]["word"]) == ("deferred", "plan", "expiring")
        assert f"shop waits: {SHUT}; the next opening is" in outcome["message"]
        assert "Nothing was changed. Served there is" in outcome["message"]
        assert "clm_ignore_windows" in outcome["next_action"] and outcome["before"]["not_after"]


def test_a_wave_that_overrides_says_so_in_every_message(world):
    serve(world, age=68)
    judged = {one.deployment.id: one for one in judge(world)}
    plan = make_plan(load(str(world.save())), list(judged), judged, ["web1", "web2"], run_id="r1", issue=True)["plan"]
    outcome = {"state": "done", "message": "", "step": "prove"}
    host = next(iter(judged))
    said = waits.with_overrides({host: outcome, "x": outcome}, plan)
    assert said[host]["message"].startswith(f"Outside of its window: {SHUT}, but it does not wait") and said["x"]["message"] == ""
