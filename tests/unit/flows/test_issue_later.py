# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA that limits its rate: deferred while there is time, a failure with the CA's reason when there is not."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError, UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.flows._issue_later import in_time
from ansible_collections.certops.clm.plugins.module_utils.flows.certificates import issue_certificates
from ansible_collections.certops.clm.tests.unit.flows.issue_world import Refusing, Slow, World, wanted

LIMITED = UnavailableError("429: too many certificates for example.com", retry_after=3600)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_it_is_deferred_with_the_time_to_come_back_and_then_issued_once(world):
    before = world.run(wanted())["shop"].after["sha256"]
    world.days(22)
    outcome = world.run(wanted(), issuer=Refusing(world.ca, LIMITED))["shop"]
    assert (outcome.state, outcome.reason.word, outcome.before["sha256"]) == ("deferred", "expiring", before)
    again = outcome.after["ask_again"]
    assert outcome.message == f"{LIMITED.message}. The CA asked to be asked again, at {again}." and again in outcome.next_action
    assert [event["state"] for event in world.events() if event["action"] == "outcome"][-1] == "deferred"
    events = len(world.events())
    early = world.run(wanted())["shop"]
    assert (early.state, early.after["ask_again"], early.next_action) == ("deferred", again, outcome.next_action) and world.issued() == 1
    assert early.message == f"{outcome.message} It was not asked before that." and len(world.events()) == events
    world.days(1 / 24)
    assert world.run(wanted())["shop"].state == "done" and world.issued() == 2


@pytest.mark.parametrize("days, more", [
    (22, {"revoked": True}), (22, {"compromised": True}), (22, {"forced": "the limit was raised"}), (23, {}),
])  # fmt: skip
def test_the_ca_is_asked_before_that_for_what_cannot_wait_or_is_forced_anew(world, days, more):
    world.run(wanted())
    world.days(days)
    assert world.run(wanted(), issuer=Refusing(world.ca, LIMITED))["shop"].state == "deferred"
    assert world.run(wanted(**more))["shop"].state == "done" and world.issued() == 2


@pytest.mark.parametrize("days, state", [(22.4, "deferred"), (22.6, "failed")])
def test_a_quarter_of_the_life_is_where_waiting_ends(world, days, state):
    world.run(wanted())
    world.days(days)
    outcome = in_time(world.run(wanted(), issuer=Refusing(world.ca, LIMITED))["shop"], world.now)
    assert outcome.state == state and LIMITED.message in outcome.message
    assert ("There is no time left to wait: what is kept" in outcome.message) == (state == "failed")


@pytest.mark.parametrize("left_hours, state", [(24 * 8, "pending"), (1, "failed")])
@pytest.mark.parametrize("run", ["the one that asks", "a later one"])
def test_an_approval_that_nobody_gives_is_a_failure_once_an_hour_of_thirty_days_is_left(world, left_hours, state, run):
    before = world.run(wanted())["shop"].after
    world.days(21.5)
    desk = Slow(world.ca)
    if run == "a later one":
        assert in_time(world.run(wanted(), issuer=desk)["shop"], world.now).state == "pending"
        state = {"pending": "unchanged"}.get(state, state)
    world.days(30 - 21.5 - left_hours / 24)
    outcome = in_time(world.run(wanted(), issuer=desk)["shop"], world.now)
    assert (outcome.state, outcome.before["sha256"], desk.begun) == (state, before["sha256"], 1)
    assert "waiting for the desk" in outcome.message
    assert ("There is no time left to wait: what is kept" in outcome.message) == (state == "failed")
    assert ("then run this again" in outcome.next_action) == (state == "failed")


def test_the_first_certificate_may_wait_in_the_run_that_asks_for_it_and_in_no_later_one(world):
    desk = Slow(world.ca)
    assert in_time(world.run(wanted(), issuer=desk)["shop"], world.now).state == "pending"
    outcome = in_time(world.run(wanted(), issuer=desk)["shop"], world.now)
    assert outcome.state == "failed" and "waiting for the desk. There is no time left to wait: nothing is kept" in outcome.message
    desk.ready = True
    assert in_time(world.run(wanted(), issuer=desk)["shop"], world.now).state == "done" and desk.begun == 1


def test_with_nothing_kept_it_is_deferred_for_a_wave_that_knows_what_is_served_and_failed_for_a_task_that_does_not(world):
    outcome = world.run(wanted(), issuer=Refusing(world.ca, LIMITED))["shop"]
    assert outcome.state == "deferred" and in_time(outcome, world.now).state == "failed"
    assert "nothing is kept that would hold until then" in in_time(outcome, world.now).message


@pytest.mark.parametrize("error", [UnavailableError("no route"), ConfigError("no such profile", field="profile")])
def test_without_a_time_to_come_back_it_has_failed(world, error):
    world.run(wanted())
    world.days(22)
    assert world.run(wanted(), issuer=Refusing(world.ca, error))["shop"].state == "failed"


def test_the_task_certificate_says_so_too(world):
    """Through what the certificate modules share."""
    given = {
        "certificates": [{"lineage": "shop", "names": ["shop.example.com"], "profile": {"lifetime": "30d"}}],
        "secret_store": {"type": "directory", "path": str(world.folder / "store"), "allow_ephemeral": True},
        "ledger": {"path": str(world.folder / "ledger"), "allow_ephemeral": True},
    }
    tools = {"store": world.store(), "clock": lambda: world.now, "run_id": "run", "check_mode": False}
    limited = Refusing(world.ca, LIMITED)
    assert issue_certificates(given, issuer=limited, **tools)["shop"].state == "failed"
    assert issue_certificates(given, issuer=world.ca, **tools)["shop"].state == "done"
    world.days(21)
    assert issue_certificates(given, issuer=limited, **tools)["shop"].state == "deferred"
    world.days(2)
    assert issue_certificates(given, issuer=limited, **tools)["shop"].state == "failed"
