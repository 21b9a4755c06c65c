# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind the current version and is not to be taken, and one of several issuers that are asked in turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Pending
from ansible_collections.certops.clm.plugins.module_utils.errors import UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger
from ansible_collections.certops.clm.tests.unit.flows.issue_world import Slow, World, wanted


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def marked(store, version, **meta):
    """The version with more in its meta."""
    stored = store.load("shop", version)
    lease = store.begin("shop", store.current("shop"))
    store.save(lease, replace(stored, meta={**stored.meta, **meta}))
    store.flush()
    store.end(lease)


@pytest.mark.parametrize("meta", [{}, {"standby": "shop.standby/000001-aaaaaaaa"}, {"revoked": {"by": "ca"}}])
def test_a_standby_that_was_taken_and_what_was_revoked_are_never_taken_for_an_issued_version(world, meta):
    world.run(wanted())
    world.days(25)
    left = world.run(wanted(), promote=False)["shop"].after["version"]
    marked(world.store(), left, **meta)
    after = world.run(wanted())["shop"].after["version"]
    assert (after == left, world.issued()) == ((False, 3) if meta else (True, 2))


class Killed(BaseException):
    """What kill -9 is to a process."""


class Deaf:
    """A ledger that the run does not live to tell an outcome."""

    def __init__(self, folder, clock):
        self._ledger = Ledger(str(folder / "ledger"), "dead", clock)

    def append(self, events):
        if any(event["action"] == "outcome" for event in events):
            raise Killed
        self._ledger.append(events)


@pytest.mark.parametrize("how", ["names", "revoked", "compromised"])
@pytest.mark.parametrize("promote", [True, False])
def test_what_was_issued_and_is_taken_by_no_run_any_more_gets_its_outcome_once(world, how, promote):
    world.run(wanted())
    world.days(25)
    with pytest.raises(Killed):
        world.run(wanted(reuse_key="pinned"), ledger=Deaf(world.folder, lambda: world.now), run_id="dead")
    (stray,) = [one for one in world.store().versions("shop") if one.state == "issued" and one.version != world.store().current("shop")]
    assert not [event for event in world.events() if event["action"] == "outcome" and event["sha256"] == stray.sha256]
    world.days(1)  # its lease has been taken away, or is over
    now = {"names": wanted("shop", "other.example.com"), "revoked": wanted(revoked=(stray.sha256,)),
           "compromised": wanted(compromised=(stray.sha256,))}[how]  # fmt: skip
    for _again in range(2):
        assert world.run(now, promote=promote)["shop"].state in ("done", "unchanged")
    (said,) = [event for event in world.events() if event["action"] == "outcome" and event["sha256"] == stray.sha256]
    assert (said["state"], said["version"], said["request_id"]) == ("done", stray.version, stray.meta["request_id"])
    assert "issued by the run dead, which may not have lived to record it" in said["message"]


def test_a_key_is_compromised_by_any_certificate_that_has_it(world):
    first = world.run(wanted())["shop"].after
    second = world.run(wanted(forced="a", reuse_key="pinned"))["shop"].after
    assert second["spki_sha256"] == first["spki_sha256"]
    third = world.run(wanted(reuse_key="pinned", compromised=(first["sha256"],)))["shop"]
    assert third.reason.word == "compromised" and third.after["spki_sha256"] != first["spki_sha256"]
    assert world.run(wanted(compromised=(first["sha256"],)))["shop"].state == "unchanged"


@pytest.mark.parametrize("as_tuple", [True, False])
def test_a_request_with_a_compromised_key_is_not_gone_on_with(world, as_tuple):
    first = world.run(wanted())["shop"].after
    slow = Slow(world.ca)
    waiting = world.run(wanted(forced="a", reuse_key="pinned"), issuer=slow)["shop"]
    assert waiting.state == "pending" and waiting.after["spki_sha256"] == first["spki_sha256"]
    slow.ready = True
    compromised = (first["sha256"],) if as_tuple else True
    after = world.run(wanted(forced="a", reuse_key="pinned", compromised=compromised), issuer=slow)["shop"].after
    assert after["spki_sha256"] != first["spki_sha256"]


class InRow:
    """The CA as one of a row; `good` has the identities that are as good as its own."""

    def __init__(self, ca, *good):
        self._ca, self.good, self.resumed = ca, good, []

    def identity(self):
        return "first"

    def begin(self, request):
        return Pending("r1") if self.resumed is None else self._ca.begin(request)

    def resume(self, ref, request):
        self.resumed.append((request.lineage, ref))
        raise UnavailableError("it is down")

    def stands_for(self, lineage, identity):
        return identity in self.good


@pytest.mark.parametrize("good", [True, False])
def test_what_another_of_the_row_gave_meanwhile_is_no_reason_to_issue_again(world, good):
    world.run(wanted())
    identity = world.ca.identity()
    outcome = world.run(wanted(), issuer=InRow(world.ca, *([identity] if good else [])))["shop"]
    assert (outcome.state, world.issued()) == (("unchanged", 1) if good else ("done", 2))


def test_what_another_of_the_row_left_behind_is_taken(world):
    world.run(wanted())
    world.days(25)
    left = world.run(wanted(), promote=False)["shop"].after["version"]
    outcome = world.run(wanted(), issuer=InRow(world.ca, world.ca.identity()))["shop"]
    assert (outcome.after["version"], world.issued()) == (left, 2)


def test_a_request_that_is_resumed_names_its_lineage(world):
    row = InRow(world.ca)
    row.resumed = None
    assert world.run(wanted(), issuer=row)["shop"].state == "pending"
    row.resumed = []
    assert world.run(wanted(), issuer=row)["shop"].state == "failed" and row.resumed == [("shop", "r1")]


def test_an_answer_of_the_ca_is_not_hidden_by_what_the_store_says_of_others(world):
    class Full:
        """A store that cannot flush what the CA answered."""

        def __init__(self, store):
            self._store, self.flushes = store, 0

        def __getattr__(self, name):
            return getattr(self._store, name)

        def flush(self):
            self.flushes += 1
            if self.flushes == 2:
                raise UnavailableError("the disk is full")
            self._store.flush()

    class Half(InRow):
        def begin(self, request):
            if request.lineage == "shop":
                raise UnavailableError("shop must wait")
            return self._ca.begin(request)

    found = world.run(wanted("shop"), wanted("api"), issuer=Half(world.ca), store=Full(world.store()))
    assert [found[name].message for name in ("shop", "api")] == ["shop must wait", "the disk is full"]
