# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets behind an API in a wave, against one that refuses what a real one refuses."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import NOT_SERVED, SERVED, Deployed, KeyRef, Proof, Version
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.plugin_utils.wave.clouds import Clouds
from ansible_collections.certops.clm.tests.support.world import DAY, NOW, World


class Cloud:
    """Listeners behind an API: it stores only with a key that it can get, binds only what is stored, serves what is bound."""

    replaces_in_place = False

    def __init__(self, store):
        self.store, self.stored, self.bound, self.listings = store, {}, {}, 0
        self.broken = set()  # listeners that go on serving what they served before
        self.lock = threading.Lock()

    def prefetch(self, wheres):
        self.listings += 1

    def read(self, where):
        if where["listener"] not in self.bound:
            raise NotFoundError(f"there is no listener {where['listener']}")
        ref = self.bound[where["listener"]]
        return Deployed(self.stored[ref].sha256, ref, self.stored[ref].chain_pem) if ref else None

    def put(self, where, version):
        self.store.key(version.key)  # NotFoundError when the key is not that of the reference
        with self.lock:
            ref = f"arn:{len(self.stored)}"
            self.stored[ref] = version
        return ref

    def bind(self, where, ref):
        if ref not in self.stored:
            raise ClmError(f"{ref} is not stored")
        self.bound[where["listener"]] = ref

    def prove(self, where, sha256):
        served = self.stored[self.bound[where["listener"]]].sha256
        if where["listener"] in self.broken and sha256 not in self.old:
            return Proof(NOT_SERVED, "", "an older one is served")
        return Proof(SERVED if served == sha256 else NOT_SERVED, served, f"{served} is served")


class Estate:
    """A store with an old and a new version, three listeners that serve the old one, and the plan of a wave for them."""

    def __init__(self, folder):
        self.world = World(folder)
        self.cloud = Cloud(self.world.store)
        self.old = self.public(self.world.version("shop", self.world.authority.chain("shop.example.com", age=60)))
        self.new = self.public(self.world.version("shop", self.world.authority.chain("shop.example.com"), state="issued", promote=False))
        self.cloud.old = {self.old["sha256"]}
        self.created = []
        before = {"sha256": self.old["sha256"], "not_after": rfc3339(NOW + 30 * DAY)}
        names = ("a", "b", "c")
        self.items = {name: self.item(name, before) for name in names}
        self.items["web"] = {**self.item("web", before), "server": "web1"}
        lineages = {"shop": {"dead": []}}
        self.plan = {"items": self.items, "lineages": lineages, "secret_store": {"type": self.world.store.identity()}}
        self.clouds = Clouds(self.plan, lambda: NOW, create=self.create, store=self.world.store)
        for name in names:
            self.first({"listener": name}, self.old)

    def first(self, where, public):
        key = KeyRef(self.world.store.identity(), "shop", public["version"], public["spki_sha256"])
        self.cloud.bind(where, self.cloud.put(where, Version(public["sha256"], public["chain_pem"], public["spki_sha256"], key)))

    def create(self, kind, options, clock):
        self.created.append(kind)
        return self.cloud

    def public(self, name):
        stored = self.world.store.load("shop", name)
        return {"version": name, "sha256": stored.sha256, "spki_sha256": stored.spki_sha256, "chain_pem": stored.chain_pem}

    def item(self, name, before):
        target = {"type": "cloud_listener", "listener": name}
        return {"lineage": "shop", "server": "", "before": dict(before), "deployment": {"id": name, "target": target}}

    def outcomes(self, **states):
        return {name: Outcome(states.get(name, "done"), "issue").as_dict() for name in self.items}

    def deploy(self, **states):
        return self.clouds.deploy(self.outcomes(**states), {"shop": self.new})

    def served(self, name):
        return self.cloud.stored[self.cloud.bound[name]].sha256


@pytest.fixture
def estate(tmp_path):
    return Estate(tmp_path)


def test_all_of_one_kind_is_one_batch_with_one_listing_and_servers_pass_through(estate):
    found = estate.deploy()
    assert {name: found[name]["state"] for name in "abc"} == dict.fromkeys("abc", "done")
    assert found["web"] == estate.outcomes()["web"] and list(found) == list(estate.items)
    assert (estate.created, estate.cloud.listings) == (["cloud_listener"], 1)
    assert {estate.served(name) for name in "abc"} == {estate.new["sha256"]}


def test_what_was_not_issued_is_not_deployed(estate):
    found = estate.deploy(a="failed", b="pending", c="planned")
    assert [found[name]["state"] for name in "abc"] == ["failed", "pending", "planned"]
    assert {estate.served(name) for name in "abc"} == {estate.old["sha256"]}


def test_a_listener_that_is_gone_fails_alone(estate):
    del estate.cloud.bound["b"]
    found = estate.deploy()
    assert [found[name]["state"] for name in "abc"] == ["done", "failed", "done"]
    assert "there is no listener b" in found["b"]["message"]


def test_a_key_that_is_not_that_of_the_version_is_refused_before_anything_changes(estate):
    estate.new["spki_sha256"] = "0" * 64
    found = estate.deploy()
    assert {found[name]["state"] for name in "abc"} == {"failed"}
    assert {estate.served(name) for name in "abc"} == {estate.old["sha256"]}


def test_what_is_not_served_is_bound_back(estate):
    estate.cloud.broken.add("b")
    found = estate.deploy()
    assert [found[name]["state"] for name in "abc"] == ["done", "rolled_back", "done"]
    assert estate.served("b") == estate.old["sha256"]


def test_deploying_again_changes_nothing(estate):
    estate.deploy()
    bound = dict(estate.cloud.bound)
    assert {estate.deploy()[name]["state"] for name in "abc"} == {"unchanged"} and estate.cloud.bound == bound


def test_check_mode_plans(estate):
    clouds = Clouds(estate.plan, lambda: NOW, True, estate.create)
    found = clouds.deploy(estate.outcomes(), {"shop": estate.new})
    assert {found[name]["state"] for name in "abc"} == {"planned"} and estate.served("a") == estate.old["sha256"]


def test_restoring_deploys_what_was_served_before(estate):
    outcomes = estate.deploy()
    stored = len(estate.cloud.stored)
    found = estate.clouds.restore(["a"], outcomes)
    assert len(estate.cloud.stored) == stored, "what was bound before is bound again and not stored once more"
    assert found["a"]["state"] == "done" and estate.served("a") == estate.old["sha256"] and estate.served("b") == estate.new["sha256"]


def unknown(estate):
    estate.items["a"]["before"]["sha256"] = "f" * 64


def nothing(estate):
    estate.items["a"]["before"] = {}


def dead(estate):
    estate.plan["lineages"]["shop"]["dead"] = [estate.old["sha256"]]


def expired(estate):
    estate.items["a"]["before"]["not_after"] = rfc3339(NOW)


@pytest.mark.parametrize("why", [unknown, nothing, dead, expired], ids=lambda why: why.__name__)
def test_what_must_not_come_back_stays_away_and_the_neighbour_is_restored(estate, why):
    estate.deploy()
    if why in (dead,):
        estate.items["b"]["before"]["sha256"] = estate.new["sha256"]
    why(estate)
    found = estate.clouds.restore(["a", "b"], {})
    assert (found["a"]["state"], found["a"]["step"]) == ("failed", "restore") and "the new one stays" in found["a"]["message"]
    assert found["a"]["next_action"] and estate.served("a") == estate.new["sha256"]
    assert found["b"]["state"] in ("done", "unchanged")


def test_what_the_store_does_not_know_is_bound_again_and_a_dead_one_is_not(estate):
    estate.items["a"]["before"]["sha256"] = "f" * 64  # foreign: no version of the store has it
    outcomes = estate.deploy()
    assert outcomes["a"]["before"]["ref"]
    assert estate.clouds.restore(["a"], outcomes)["a"]["state"] == "done" and estate.served("a") == estate.old["sha256"]
    outcomes = estate.deploy()
    estate.plan["lineages"]["shop"]["dead"] = [estate.old["sha256"]]
    found = estate.clouds.restore(["a"], outcomes)["a"]
    assert (found["state"], estate.served("a")) == ("failed", estate.new["sha256"]) and "never put back" in found["message"]
