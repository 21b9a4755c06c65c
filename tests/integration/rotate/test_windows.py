# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change windows and freezes through whole rotations: what waits is left alone and said, what must not wait goes ahead and says so."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD = "What is ahead"


def another_day():
    """A window on the day after tomorrow in Berlin, and when it opens in UTC, which is never midnight."""
    day = datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(days=2)
    opens = day.replace(hour=0, minute=0, second=0).astimezone(timezone.utc)
    assert opens.hour in (22, 23)
    return {"time_zone": "Europe/Berlin", "rules": [{"weekdays": [DAYS[day.weekday()]]}]}, opens.strftime("%Y-%m-%dT%H:%M:%SZ")


def freeze_now():
    day = datetime.now(timezone.utc)
    return {"time_zone": "UTC", "from": f"{day - timedelta(days=1):%Y-%m-%d}", "to": f"{day + timedelta(days=1):%Y-%m-%d}"}


def said(run):
    """What was said before the first wave."""
    return run.result(AHEAD, "localhost")["msg"]


def starts(campaign):
    return [event for event in campaign.events() if event["action"] == "campaign" and event["step"] == "start"]


def initial(lab):
    return {name: lab.servers[name].initial["shop"].sha256 for name in SHOP}


@pytest.mark.every_core
def test_outside_of_its_window_it_waits_and_with_a_reason_it_does_not(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    window, opens = another_day()
    campaign.manifest.update(windows={"weekly": window})
    campaign.manifest["defaults"]["window"] = "weekly"
    campaign.write()
    run = campaign.run().ok()
    assert {name: lab.served(name) for name in SHOP} == initial(lab) and campaign.outcomes(run) == {}
    assert f"3 wait for their change window, the first opening is at {opens}: shop-web" in said(run)
    assert f"(the change window weekly is closed; the next opening is {opens})" in said(run) and "Nothing to do." in said(run)
    (begun,) = starts(campaign)
    assert (begun["due"], begun["waiting"]) == (0, 3) and not (tmp_path / "store" / "lineages").exists()
    report = campaign.report()
    assert report["headline"] == "3 places to be changed when the change window opens" and report["places"][0]["state"] == "waiting"
    forgotten = campaign.run(clm_ignore_windows="y")
    assert forgotten.rc != 0 and "clm_ignore_windows: a reason in words is needed" in " ".join(forgotten.output.split())
    done = campaign.run(clm_ignore_windows="ticket 4711").ok()
    now = campaign.current("shop")
    assert {lab.served(name, verify=False) for name in SHOP} == {now}
    assert "3 of them are worked on outside of their change window" in said(done)
    for outcome in campaign.outcomes(done).values():
        assert outcome["state"] == "done" and "windows and freezes are ignored in this run (ticket 4711)" in outcome["message"]
    assert starts(campaign)[-1]["ignore_windows"] == "ticket 4711" and starts(campaign)[-1]["overridden"] == 3
    moved = [event for event in campaign.events() if event["action"] == "outcome" and event["state"] == "done" and event.get("deployment")]
    assert len(moved) == 3 and all("ticket 4711" in event["override"] for event in moved)
    campaign.force("first drill")
    run = campaign.run().ok()
    assert campaign.current("shop") != now and "but it does not wait: asked for: first drill" in said(run)


FROZEN = [
    {"name": "Freeze", "ansible.builtin.copy": {"src": "{{ frozen }}", "dest": "{{ clm_manifest_file }}", "mode": "0644"},
     "delegate_to": "localhost", "run_once": True},
    {"name": "Pass", "ansible.builtin.set_fact": {"clm_gate": "passed"}},
]  # fmt: skip


def begin_and_freeze(campaign, tmp_path, **freeze):
    """A rotation after whose canary everything is frozen."""
    gate, frozen = tmp_path / "gate.yml", tmp_path / "frozen.json"
    gate.write_text(json.dumps(FROZEN))
    frozen.write_text(json.dumps({**campaign.manifest, "freezes": {"incident": freeze_now()}, **freeze}))
    return campaign.run(rotate_gate_tasks=str(gate), frozen=str(frozen), clm_waves=["rest"])


@pytest.mark.every_core
def test_a_wave_that_the_window_does_not_reach_is_deferred_before_any_write(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    run = begin_and_freeze(campaign, tmp_path).ok()
    outcomes, now = campaign.outcomes(run), campaign.current("shop")
    (canary,) = [name for name, outcome in outcomes.items() if outcome["state"] == "done"]
    later = sorted(set(SHOP) - {canary})
    assert lab.served(canary, verify=False) == now and {lab.served(name) for name in later} == {initial(lab)[name] for name in later}
    for name in later:
        assert (outcomes[name]["state"], outcomes[name]["step"]) == ("deferred", "plan")
        message = outcomes[name]["message"]
        assert "shop waits: the freeze incident holds until" in message and initial(lab)[name][:16] in message
        assert "-e clm_ignore_windows" in outcomes[name]["next_action"]
    deferred = [event for event in campaign.events() if event.get("state") == "deferred"]
    assert [(event["lineage"], event["owner"], event["reason"]) for event in deferred] == [("shop", "team-web", "foreign")] * 2
    assert [event["server"] for event in campaign.events() if (event["action"], event["step"]) == ("intent", "deploy")] == [canary]
    again = campaign.run().ok()
    assert "2 wait for their change window" in said(again) and campaign.outcomes(again) == {}
    assert campaign.report()["headline"] == "2 places to be changed when the change window opens"
    told = campaign.run("report", args=["--check"], clm_ignore_windows="ticket 1").ok().result("Where it is")["msg"]
    assert told.startswith("2 places still due"), "nothing waits for a window that does not count"
    version = next(event["version"] for event in campaign.events() if (event["action"], event["step"]) == ("intent", "deploy"))
    back = campaign.run("rollback", clm_lineage="shop", clm_version=version).ok()
    assert "somebody asked to go back" in said(back)
    assert {lab.served(name, verify=False) for name in SHOP} == {now}, "windows hold up no way back"


@pytest.mark.every_core
def test_below_the_floor_a_freeze_holds_nothing_up(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    run = begin_and_freeze(campaign, tmp_path, window_floor="60d").ok()
    assert {lab.served(name, verify=False) for name in SHOP} == {campaign.current("shop")}
    messages = [outcome["message"] for outcome in campaign.outcomes(run).values()]
    assert sum("the freeze incident holds until" in text and "and the floor is 60 days" in text for text in messages) == 2


def test_a_mistake_in_a_window_stops_before_anybody_looks(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    campaign.manifest["windows"] = {"never": {"time_zone": "Europe/Berlin", "rules": [{"dates": ["02-30"]}]}}
    campaign.write()
    run = campaign.run()
    assert run.rc != 0 and "windows.never.rules[0].dates[0]: '02-30' is no day" in " ".join(run.output.split())
