# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A standby becomes a version of its lineage, with its key, once; what must not be served is refused before anything is written."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.standby import take
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.support.world import KEY_PEM, NOW, World


class Events(list):
    def append(self, events):
        self.extend(events)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.version("shop", world.authority.chain("shop.example.com"))
    return world


def run(world, ledger=None, **more):
    return take(
        "shop", "shop.standby", store=world.store, ledger=Events() if ledger is None else ledger, clock=lambda: NOW, run_id="r", **more
    )


def test_the_standby_becomes_a_version_with_its_key_and_only_once(world):
    world.version("shop.standby", world.authority.chain("shop.example.com"), request_id="q")
    ledger = Events()
    outcome = run(world, ledger)
    ready = world.store.load("shop.standby")
    copy = world.store.load("shop", outcome.after["version"])
    assert (outcome.state, copy.sha256, copy.state, copy.meta["standby"]) == (
        "done",
        ready.sha256,
        "issued",
        f"shop.standby/{ready.version}",
    )
    key = world.store.key(KeyRef(world.store.identity(), "shop", copy.version, copy.spki_sha256))
    assert key.reveal().split() == KEY_PEM.split()
    assert world.store.current("shop") != copy.version, "until it is deployed nothing is promoted"
    assert [event["action"] for event in ledger] == ["intent", "outcome"] and ledger[0]["request_id"] == "q"
    again = run(world)
    assert (again.state, again.after["version"]) == ("unchanged", copy.version) and len(world.store.versions("shop")) == 2
    assert f"-e clm_version={copy.version}" in again.next_action


def test_check_mode_plans_and_writes_nothing(world):
    world.version("shop.standby", world.authority.chain("shop.example.com"))
    outcome = run(world, check_mode=True)
    assert outcome.state == "planned" and outcome.after["sha256"] == world.store.load("shop.standby").sha256
    assert len(world.store.versions("shop")) == 1


@pytest.mark.parametrize("age, said", [(None, "there is no standby"), (91, "not now")])
def test_a_standby_that_is_not_there_or_not_valid_is_refused(world, age, said):
    if age:
        world.version("shop.standby", world.authority.chain("shop.example.com", age=age))
    outcome = run(world)
    assert outcome.state == "failed" and said in outcome.message and "certops.clm.rotate" in outcome.next_action
    assert len(world.store.versions("shop")) == 1


def test_a_lineage_that_somebody_else_works_on_is_left(world):
    world.version("shop.standby", world.authority.chain("shop.example.com"))
    world.store.flush()
    world.store.begin("shop", world.store.current("shop"))
    world.store = DirectoryStore(world.store.path, clock=lambda: NOW, owner="another")
    outcome = run(world)
    assert outcome.state == "failed" and "shop" in outcome.message and len(world.store.versions("shop")) == 1


def test_a_lineage_that_somebody_has_is_waited_for(world):
    world.version("shop.standby", world.authority.chain("shop.example.com"), request_id="q")
    world.store.flush()
    other = World(world.folder).store
    lease = other.begin("shop", other.current("shop"))
    said = []

    def pause(seconds, why):
        said.append(why)
        other.end(lease)

    busy = run(world)
    assert busy.state == "failed" and "has the lineage shop" in busy.message and busy.next_action
    assert run(world, pause=pause).state == "done" and len(said) == 1


@pytest.mark.parametrize(
    ("of_lineage", "of_standby", "kept"),
    [("", "", None), ("drill", "", "drill"), ("", "drill", None), ("drill", "abc went into service", "drill")],
)
def test_a_force_of_the_lineage_is_neither_done_nor_undone_by_its_standby(tmp_path, of_lineage, of_standby, kept):
    world = World(tmp_path)
    world.version("shop", world.authority.chain("shop.example.com"), **({"forced": of_lineage} if of_lineage else {}))
    world.version("shop.standby", world.authority.chain("shop.example.com"), **({"forced": of_standby} if of_standby else {}))
    outcome = run(world)
    assert world.store.load("shop", outcome.after["version"]).meta.get("forced") == kept


def test_what_another_run_took_meanwhile_is_not_taken_twice(world):
    world.version("shop.standby", world.authority.chain("shop.example.com"))
    world.store.flush()
    other = World(world.folder)
    lease = other.store.begin("shop", other.store.current("shop"))

    def pause(seconds, why):
        other.store.end(lease)
        assert run(other).state == "done"

    outcome = run(world, pause=pause)
    assert (outcome.state, len(world.store.versions("shop"))) == ("unchanged", 2) and outcome.after["version"] in outcome.next_action


@pytest.mark.parametrize("lineage", ["shop", "shop.standby"])
def test_a_standby_that_was_revoked_is_never_taken(world, lineage):
    """Also where only the version that was made of it says so: both are one certificate."""
    chain = world.authority.chain("shop.example.com")
    world.version("shop.standby", chain, **({"revoked": {"by": "ca"}} if lineage == "shop.standby" else {}))
    if lineage == "shop":
        world.version("shop", chain, state="issued", promote=False, revoked={"by": "ca"})
    before = len(world.store.versions("shop"))
    outcome = run(world)
    assert outcome.state == "failed" and "revoked" in outcome.message and "certops.clm.rotate" in outcome.next_action
    assert len(world.store.versions("shop")) == before


def test_a_standby_whose_key_is_compromised_is_never_taken(world):
    old = world.version("shop.standby", world.authority.chain("shop.example.com"))
    world.version("shop.standby", world.authority.chain("shop.example.com"))  # another certificate with the same key
    dead = world.store.load("shop.standby", old).sha256
    for compromised in ([dead], [world.store.load("shop.standby").sha256]):
        outcome = run(world, compromised=compromised)
        assert outcome.state == "failed" and "compromised" in outcome.message and "runbook_compromised" in outcome.runbook_page
    assert len(world.store.versions("shop")) == 1


def test_a_lineage_that_was_retired_is_not_brought_back(world):
    world.version("shop", world.authority.chain("shop.example.com"), state="retired")
    world.version("shop.standby", world.authority.chain("shop.example.com"))
    outcome = run(world)
    assert outcome.state == "failed" and "was retired" in outcome.message and "certops.clm.retire" in outcome.next_action
    assert len(world.store.versions("shop")) == 2


def test_what_is_taken_and_not_recorded_is_said(world):
    world.version("shop.standby", world.authority.chain("shop.example.com"))

    class Full(Events):
        def append(self, events):
            if events[0]["action"] == "outcome":
                raise ClmError("the disk is full", hint="make room")

    outcome = run(world, Full())
    version = world.store.versions("shop")[-1].version
    assert outcome.state == "failed" and version in outcome.message and "the disk is full" in outcome.message
    assert outcome.next_action == "make room" and "runbook_ledger" in outcome.runbook_page
    assert run(world).after["version"] == version, "the next call goes on with it"
