# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a restore writes: below the operator's own manifest, or the backup's when it is trusted; also where folders lie in folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import World
from ansible_collections.certops.clm.tests.unit.flows.test_backup import backed_up, restored, tree


def controller(folder: Path, **changes: object) -> World:
    """A controller with one lineage, whose manifest is changed so."""
    made = World(folder, {**data(), **changes})
    made.folder.mkdir()
    made.save()
    return made


def test_a_store_that_the_manifest_lies_in_comes_back(tmp_path: Path) -> None:
    world = controller(tmp_path / "here", secret_store={"type": "directory", "path": "."})
    world.store = type(world.store)(str(world.folder), clock=world.store._clock, owner="tests")
    world.version("shop", world.authority.chain("shop.example.com"))
    world.store.flush()
    backed_up(world)
    before = tree(world.folder)
    shutil.rmtree(world.folder)
    assert restored(world)["changed"] and tree(world.folder) == before and "manifest.yml" in before
    assert not restored(world)["changed"] and not list(world.folder.glob(".restoring-*"))


def test_what_a_killed_restore_left_beside_is_removed_by_the_next(tmp_path: Path) -> None:
    world = controller(tmp_path / "here", secret_store={"type": "directory", "path": "."})
    world.store = type(world.store)(str(world.folder), clock=world.store._clock, owner="tests")
    world.version("shop", world.authority.chain("shop.example.com"))
    world.store.flush()
    backed_up(world)
    shutil.rmtree(world.folder)
    for name in (".restoring-00000000", ".restoring-00000000.store"):
        (world.folder / name).mkdir(parents=True)
    assert restored(world)["changed"] and not list(world.folder.glob(".restoring-*"))


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_manifest_of_the_backup_decides_nothing_unless_it_is_trusted(tmp_path: Path, check_mode: bool) -> None:
    elsewhere, ran = tmp_path / "elsewhere", tmp_path / "ran"
    world = controller(tmp_path / "here", include=[str(elsewhere / "more.yml")])
    world.version("shop", world.authority.chain("shop.example.com"))
    world.store.flush()
    world.manifest["secret_store"] = {"type": "directory", "path": str(elsewhere), "passphrase_command": ["touch", str(ran)]}
    (world.folder / "manifest.yml").write_text(json.dumps(world.manifest))
    backed_up(world, store=world.store)
    shutil.rmtree(world.folder)
    with pytest.raises(ConfigError) as caught:
        restored(world, check_mode=check_mode, trust=False)
    text = str(caught.value)
    assert str(elsewhere) in text and str(elsewhere / "more.yml") in text and f"touch {ran}" in text
    assert "trust_manifest: true" in text and "nothing was written" in text
    assert not elsewhere.exists() and not ran.exists() and not world.folder.exists()


def test_with_a_manifest_of_ones_own_nothing_is_to_be_trusted(tmp_path: Path) -> None:
    world = controller(tmp_path / "here")
    world.version("shop", world.authority.chain("shop.example.com"))
    world.store.flush()
    backed_up(world)
    own = (world.folder / "manifest.yml").read_bytes()
    shutil.rmtree(world.folder)
    world.folder.mkdir()
    (world.folder / "manifest.yml").write_bytes(own)
    assert restored(world, trust=False)["kept"] == [str(world.folder / "manifest.yml")]
