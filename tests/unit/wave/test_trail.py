# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes never get lost: what a step said nothing about has failed."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import complete, from_servers, red, why_not

GOOD = Outcome("done", "bind").as_dict()


@pytest.mark.parametrize("given", [None, {}, {"state": "fine", "step": "x"}, {"state": "done"}, "done", 1])
def test_what_is_no_outcome_is_a_failure(given):
    outcome = complete(["a"], {"a": given}, "deploy")["a"]
    assert outcome["state"] == "failed" and outcome["step"] == "deploy" and outcome["next_action"]


def test_every_host_has_an_outcome_and_no_other():
    assert list(complete(["a", "b"], {"b": GOOD, "c": GOOD}, "x")) == ["a", "b"]


def test_a_server_that_was_not_reached_fails_its_items_and_nobody_elses():
    leads = {"a": ["a", "b"], "c": ["c"]}
    results = {"a": {"unreachable": True, "msg": "Failed to connect\nto the host"}, "c": {"outcomes": {"c": GOOD}}}
    outcomes = from_servers(results, leads, "deploy")
    assert outcomes["c"] == GOOD
    assert all("could not be reached (Failed to connect to the host)" in outcomes[item]["message"] for item in "ab")


def test_a_run_that_failed_still_gives_what_it_finished():
    outcomes = from_servers({"a": {"failed": True, "msg": "1 of 2", "outcomes": {"a": GOOD}}}, {"a": ["a", "b"]}, "deploy")
    assert outcomes["a"]["state"] == "done" and outcomes["b"]["state"] == "failed"


@pytest.mark.parametrize("result", [None, {}, "text", [], {"skipped": True}])
def test_there_is_always_a_reason(result):
    assert why_not(result)


@pytest.mark.parametrize("state", ["pending", "deferred"])
def test_a_server_has_nothing_to_wait_for(state):
    """What waits for an issuer is green while there is time: a server must not say it."""
    outcomes = from_servers({"a": {"outcomes": {"a": Outcome(state, "bind").as_dict()}}}, {"a": ["a"]}, "deploy")
    assert outcomes["a"]["state"] == "failed"


def test_an_outcome_has_all_its_fields_of_the_right_types():
    thin = {"state": "done", "step": "bind", "after": "text", "message": 7, "reason": [], "more": 1}
    assert complete(["a"], {"a": thin}, "x")["a"] == GOOD


def test_what_is_red_stays_so():
    outcomes = {state: Outcome(state, "x").as_dict() for state in ("unchanged", "planned", "done", "pending", "deferred", "unproven")}
    assert list(red({**outcomes, "failed": Outcome("failed", "x").as_dict()})) == ["unproven", "failed"]
