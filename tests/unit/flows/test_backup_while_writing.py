# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup is made while somebody writes: what vanishes or changes meanwhile is read again, what stays damaged is told."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import DROPPED, KeyRef, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows._backup_parts import Part, names_in, pieces
from ansible_collections.certops.clm.plugins.module_utils.flows.backup import Backup
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import NOW, World


class Moving(DirectoryStore):
    """A store of which, at the first looks, a version folder is there that is gone when it is opened."""

    looks = 1

    def _ids(self, folder: str) -> List[str]:
        self.looks -= 1
        return [*super()._ids(folder), *(["000009-00000000"] if self.looks >= 0 else [])]


class Dropping(DirectoryStore):
    """A store from which cleanup takes the older key when the backup has listed the versions."""

    def key(self, ref: KeyRef) -> Any:
        if ref.version == self.versions(ref.lineage)[0].version and self.load(ref.lineage, ref.version).state != DROPPED:  # type: ignore[union-attr]
            lease = self.begin(ref.lineage, self.current(ref.lineage))
            self.drop(lease, StoredVersion(ref.lineage, ref.version, DROPPED))  # type: ignore[arg-type]
            self.end(lease)  # type: ignore[arg-type]
        return super().key(ref)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, data())
    for age in (30, 1):
        made.version("shop", made.authority.chain("shop.example.com", age=age))
    made.save()
    return made


def read(world: World, store: DirectoryStore) -> List[Dict[str, Any]]:
    return list(Backup(load(str(world.folder / "manifest.yml")), store, False, False).records("now"))


def test_a_version_folder_that_vanishes_on_the_way_does_not_end_it(world: World) -> None:
    store = Moving(str(world.folder / "store"), clock=lambda: NOW, owner="tests")
    assert [one["state"] for one in read(world, store) if one["kind"] == "version"] == ["proven", "proven"]


def test_what_is_damaged_at_every_look_is_told(world: World) -> None:
    store = Moving(str(world.folder / "store"), clock=lambda: NOW, owner="tests")
    store.looks = 99
    with pytest.raises(ConfigError, match=r"000009-00000000 of shop: version\.json is missing"):
        read(world, store)


def test_a_version_that_is_dropped_on_the_way_is_in_it_as_dropped(world: World) -> None:
    store = Dropping(str(world.folder / "store"), clock=lambda: NOW, owner="tests")
    found = [(one["state"], bool(one["key"])) for one in read(world, store) if one["kind"] == "version"]
    assert found == [(DROPPED, False), ("proven", True)]


def test_files_that_come_and_go_during_the_walk_do_not_end_it(tmp_path: Path) -> None:
    (tmp_path / "stays.jsonl").write_text('{"a": 1}\n')
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            for number in range(20):
                (tmp_path / f"folder{number}").mkdir()
                (tmp_path / f"folder{number}" / "file").touch()
                (tmp_path / f"note{number}").touch()
            for number in range(20):
                (tmp_path / f"note{number}").unlink()
                (tmp_path / f"folder{number}" / "file").unlink()
                (tmp_path / f"folder{number}").rmdir()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        part = Part("ledger", str(tmp_path), folder=True)
        for _again in range(300):
            names = names_in(part)
            assert "stays.jsonl" in names
            for name in names:
                list(pieces(part, name))
    finally:
        ended.set()
        writer.join()


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(ClmError, match="a-file"):
        names_in(Part("ledger", str(tmp_path / "a-file"), folder=True))
