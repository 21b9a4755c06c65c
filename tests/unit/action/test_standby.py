# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action's refusals: nothing is taken while the ledger is shut, or while a client would not trust it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

pytest.importorskip("ansible.plugins.action")

from ansible_collections.certops.clm.plugins.action.standby import _work
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.tests.support.world import World
from ansible_collections.certops.clm.tests.unit.issuers.make import PASSPHRASE


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    made.manifest["issuers"]["second"] = {"type": "local_ca", "path": "second", "passphrase_file": "passphrase"}
    made.manifest["client_classes"]["internal"]["anchors"] = "anchors.pem"
    made.manifest["lineages"]["shop"].update(standby="second", consumers=["internal"])
    made.manifest["secret_store"]["allow_ephemeral"] = made.manifest["ledger"]["allow_ephemeral"] = True
    trust(made, made.authority)
    for name in ("shop", "shop.standby"):
        made.version(name, made.authority.chain("shop.example.com"))
    return made


def trust(world, authority):
    (world.folder / "anchors.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))


def taken(world, check_mode=False):
    return _work({"manifest": str(world.save()), "lineage": "shop", "run_id": "r1"}, check_mode)


def versions(world):
    return len(World(world.folder).store.versions("shop"))


def test_it_is_taken_and_the_version_is_in_the_result(world):
    answer = taken(world)
    assert answer["shop"].state == "done" and answer.more["version"] == answer["shop"].after["version"] and versions(world) == 2


def test_nothing_is_taken_while_the_ledger_cannot_be_written(world):
    (world.folder / "ledger").write_text("a file where a folder should be")
    world.manifest["ledger"].update(break_glass="the disk is gone", spool="spool")
    with pytest.raises(ClmError, match="no standby of shop is taken") as refused:
        taken(world)
    assert refused.value.runbook == "ledger" and "certops.clm.standby" in refused.value.hint
    assert str(world.folder / "ledger") in refused.value.message, "and why it cannot be written"
    assert versions(world) == 1 and taken(world, check_mode=True)["shop"].state == "planned"


def test_nothing_is_taken_that_a_client_would_not_trust(world):
    trust(world, World(world.folder).authority)
    with pytest.raises(ConfigError, match="clients of internal would not trust the standby"):
        taken(world)
    assert versions(world) == 1


def test_nothing_is_taken_that_the_manifest_declares_compromised(world):
    world.manifest["lineages"]["shop"]["compromised"] = [world.store.load("shop.standby").sha256]
    assert taken(world)["shop"].state == "failed" and versions(world) == 1
