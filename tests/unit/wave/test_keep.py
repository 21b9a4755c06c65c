# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proven versions become current, those that failed are rejected with their evidence, and nothing goes back and forth."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ClmError
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._not_durable import not_durable
from ansible_collections.certops.clm.plugins.plugin_utils.wave.keep import settle_versions, verdicts
from ansible_collections.certops.clm.tests.support.world import World

VERSIONS = {"shop": {}}


@pytest.mark.parametrize(
    ("states", "fate"),
    [
        (["done", "rolled_back"], {"shop": "proven"}),
        (["rolled_back", "done"], {"shop": "proven"}),
        (["rolled_back", "failed"], {"shop": "rejected"}),
        (["failed", "unproven", "pending"], {}),
        (["unchanged"], {"shop": "proven"}),
    ],
)
def test_one_good_deployment_proves_a_version_and_only_an_undone_one_speaks_against_it(states, fate):
    outcomes = {str(number): Outcome(state, "prove").as_dict() for number, state in enumerate(states)}
    items = {name: {"lineage": "shop"} for name in outcomes}
    assert verdicts(outcomes, items, VERSIONS) == fate
    assert verdicts(outcomes, items, {}) == {}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.version("shop", world.authority.chain("shop.example.com", age=30))
    return world


def settle(world, version, fate):
    return settle_versions(world.store, {"shop": fate}, {"shop": {"version": version}}, {"shop": ["a at step prove: no"]})


def test_a_proven_version_is_promoted_once(world):
    new = world.version("shop", world.authority.chain("shop.example.com"), state="issued", promote=False)
    assert settle(world, new, "proven") == ({"shop": "promoted"}, {})
    assert world.store.current("shop") == new and world.store.load("shop").state == "proven"
    assert settle(world, new, "proven") == ({}, {})


def test_a_rejected_version_keeps_its_evidence_and_is_not_current(world):
    before = world.store.current("shop")
    new = world.version("shop", world.authority.chain("shop.example.com"), state="issued", promote=False)
    assert settle(world, new, "rejected") == ({"shop": "rejected"}, {})
    assert world.store.current("shop") == before
    kept = world.store.load("shop", new)
    assert kept.state == "rejected" and kept.meta["evidence"] == ["a at step prove: no"]


def test_what_was_proven_elsewhere_is_not_rejected_for_one_server(world):
    current = world.store.current("shop")
    assert settle(world, current, "rejected") == ({}, {}) and world.store.load("shop").state == "proven"


def test_a_version_that_is_gone_is_left_alone(world):
    assert settle(world, "000099-aaaaaaaa", "proven") == ({}, {})


def test_a_lineage_that_somebody_has_is_busy_and_its_neighbour_is_kept(world):
    new = world.version("shop", world.authority.chain("shop.example.com"), state="issued", promote=False)
    other = world.version("blog", world.authority.chain("blog.example.com"), state="issued", promote=False)
    world.store.begin("shop", world.store.current("shop"))
    fate = {"shop": "proven", "blog": "proven"}
    done, errors = settle_versions(world.store, fate, {"shop": {"version": new}, "blog": {"version": other}}, {})
    assert done == {"blog": "promoted"} and isinstance(errors["shop"], BusyError)
    assert world.store.current("blog") == other and world.store.current("shop") != new


def test_what_another_run_has_for_a_moment_is_waited_for_once_the_rest_is_written(world):
    new = world.version("shop", world.authority.chain("shop.example.com"), state="issued", promote=False)
    other = world.version("blog", world.authority.chain("blog.example.com"), state="issued", promote=False)
    world.store.flush()
    lease = world.store.begin("shop", world.store.current("shop"))
    said = []

    def pause(seconds, why):
        said.append(why)
        assert World(world.folder).store.current("blog") == other, "it holds nothing while it waits"
        world.store.end(lease)

    versions = {"shop": {"version": new}, "blog": {"version": other}}
    done, errors = settle_versions(World(world.folder).store, dict.fromkeys(("shop", "blog"), "proven"), versions, {}, pause)
    assert (done, errors) == ({"shop": "promoted", "blog": "promoted"}, {}) and len(said) == 1 and "has the lineage shop" in said[0]
    assert world.store.current("shop") == new


@pytest.mark.parametrize("newer", [True, False])
def test_what_another_run_proved_while_we_waited_is_not_taken_back(world, newer):
    """A newer version that became the current one stays it; ours is proven all the same. An older one was there before us."""
    ours = world.version("shop", world.authority.chain("shop.example.com"), state="issued", promote=False)
    world.store.flush()
    lease = world.store.begin("shop", world.store.current("shop"))
    first = world.store.versions("shop")[0].version

    def pause(seconds, why):
        world.store.end(lease)
        if newer:
            world.version("shop", world.authority.chain("shop.example.com", age=0))
            world.store.flush()

    done, errors = settle_versions(World(world.folder).store, {"shop": "proven"}, {"shop": {"version": ours}}, {}, pause)
    store = World(world.folder).store
    assert done and not errors and store.load("shop", ours).state == "proven"
    assert (store.current("shop") > ours) if newer else store.current("shop") == ours != first


def test_what_is_not_durable_of_a_batch_is_an_error_of_its_own_lineage_only(world):
    world.version("blog", world.authority.chain("blog.example.com", age=30))
    chains = {name: world.authority.chain(f"{name}.example.com") for name in ("shop", "blog")}
    new = {name: world.version(name, chain, state="issued", promote=False) for name, chain in chains.items()}
    durable = world.store.flush

    def flush():
        durable()
        raise not_durable({"blog": ClmError("the disk is full")}, 2)

    world.store.flush = flush
    versions = {name: {"version": version} for name, version in new.items()}
    done, errors = settle_versions(world.store, dict.fromkeys(new, "proven"), versions, {})
    assert done == {"shop": "promoted"} and list(errors) == ["blog"] and "disk is full" in str(errors["blog"])
