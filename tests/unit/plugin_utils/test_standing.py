# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of a lineage is the wanted one: never one that only a person may bring into service."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils.standing import standings
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import NOW, World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, data())
    made.manifest["issuers"]["second"] = {"type": "local_ca", "path": "second"}
    made.manifest["lineages"]["shop"].update(standby="second", consumers=["internal"])
    return made


def standing(world):
    manifest = load(str(world.save()))
    (found,) = standings(manifest, [manifest.lineages["shop"]], world.store, NOW, {"internal": "first", "second": "other"})
    return found


@pytest.mark.parametrize("meta", [{"standby": "shop.standby/000001-aaaaaaaa"}, {"revoked": {"by": "ca"}}])
def test_a_standby_that_was_taken_and_what_was_revoked_are_not_what_a_run_left_behind(world, meta):
    old = world.version("shop", world.authority.chain("shop.example.com", age=80), issuer="first")
    copy = world.version("shop", world.authority.chain("shop.example.com"), state="issued", promote=False, issuer="other", **meta)
    found = standing(world)
    assert (found.wanted.version, found.issue.word) == (old, "expiring")
    assert world.store.load("shop", copy).sha256 in found.known, "and it is ours all the same where it is served"


def test_a_standby_that_was_made_the_current_version_is_the_wanted_one(world):
    world.version("shop", world.authority.chain("shop.example.com", age=80), issuer="first")
    copy = world.version("shop", world.authority.chain("shop.example.com"), issuer="other", standby="shop.standby/000001-aaaaaaaa")
    found = standing(world)
    assert (found.wanted.version, found.issue) == (copy, None)
