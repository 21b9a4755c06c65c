# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last word on each deployment of a wave, and the ledger's events for it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave import record

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
DAY = timedelta(days=1)
LABELS = {"owner": "team", "service": "shop", "environment": "prod", "criticality": "high", "runbook": "", "consumers": []}
ITEM = {"lineage": "shop", "server": "web1", "before": {"sha256": "old"}, "issue": {"word": "expiring"}, "deploy": None}
PLAN = {"run_id": "r1", "items": {"a": ITEM, "b": ITEM}, "lineages": {"shop": {"labels": LABELS}}}
VERSIONS = {"shop": {"version": "000002-aaaaaaaa", "sha256": "new", "spki_sha256": "key"}}


def one(state, step="prove", message="", next_action=""):
    return Outcome(state, step, message=message, next_action=next_action).as_dict()


@pytest.mark.parametrize(("back", "state", "step"), [("done", "rolled_back", "prove"), ("unchanged", "rolled_back", "prove"),
                                                     ("unproven", "failed", "restore"), ("failed", "failed", "restore")])  # fmt: skip
def test_what_was_put_back_is_red_with_both_stories(back, state, step):
    after = record.with_restored({"a": one("failed", message="first"), "b": one("done")}, {"a": one(back, "restore", "second")})
    assert (after["a"]["state"], after["a"]["step"], after["a"]["message"]) == (state, step, "first second")
    assert after["a"]["next_action"] and after["b"]["state"] == "done"


def test_a_commit_that_says_no_fails_and_one_that_could_not_be_made_is_told():
    ends = {"a": one("failed", "commit", "is not in place", "look"), "b": one("failed", "commit_run", "no route")}
    after = record.with_committed({"a": one("done"), "b": one("done"), "c": one("done")}, {**ends, "c": one("done", "commit")})
    assert (after["a"]["state"], after["a"]["step"], after["a"]["next_action"]) == ("failed", "commit", "look")
    assert after["b"]["state"] == "done" and "no route" in after["b"]["message"]
    assert after["c"] == one("done")


@pytest.mark.parametrize(
    ("life", "state"),
    [
        ((NOW - 10 * DAY, NOW + 80 * DAY), "pending"),
        ((NOW - 80 * DAY, NOW + 10 * DAY), "failed"),  # less than a quarter is left
        ((NOW - timedelta(hours=1), NOW + timedelta(hours=11)), "failed"),  # and less than 12 hours, of a short one
        ((NOW - 90 * DAY, NOW - DAY), "failed"),
        ((None, None), "failed"),
        (None, "failed"),
    ],
)
def test_who_waits_for_an_issuer_needs_the_time_to_wait(life, state):
    after = record.judge_waiting({"a": one("pending", "issue"), "b": one("done")}, {"a": life} if life else {}, NOW)
    assert (after["a"]["state"], after["b"]["state"]) == (state, "done")


@pytest.mark.parametrize(
    ("states", "ends"),
    [
        (("done", "unchanged", "pending", "deferred", "planned"), False),
        (("done", "failed"), True),
        (("unproven",), True),
        (("rolled_back",), True),
    ],
)
def test_a_wave_sends_the_checkpoint_itself_only_where_the_last_play_is_not_reached(states, ends):
    assert record.ends_here({state: one(state) for state in states}) is ends


def test_every_outcome_is_an_event_but_a_planned_one():
    events = record.events(PLAN, {"a": one("done"), "b": one("planned"), "x": one("failed", "plan")}, VERSIONS, {"shop": "promoted"})
    assert [(event["action"], event.get("deployment"), event.get("state")) for event in events] == [
        ("outcome", "a", "done"), ("outcome", "x", "failed"), ("promoted", None, None),
    ]  # fmt: skip
    assert events[0]["sha256"] == "new" and events[0]["before_sha256"] == "old" and events[0]["owner"] == "team"
    assert events[0]["reason"] == "expiring" and events[1]["lineage"] == ""


def test_intents_name_what_is_about_to_change():
    (intent,) = record.intents(PLAN, ["a"], VERSIONS)
    assert (intent["action"], intent["deployment"], intent["sha256"], intent["before_sha256"]) == ("intent", "a", "new", "old")
    assert record.intents(PLAN, ["a"], {}) == []


def test_evidence_is_of_what_was_rolled_back():
    found = record.evidence({"a": one("rolled_back", message="served the old one"), "b": one("failed")}, PLAN)
    assert found == {"shop": ["a at step prove: served the old one"]}
