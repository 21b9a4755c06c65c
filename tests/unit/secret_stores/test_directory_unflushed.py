# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One flush for many lineages: what one of them loses costs the others nothing, and nothing unfinished stays behind."""

from __future__ import annotations

import errno
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Lease
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ClmError
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._directory_unflushed import clean
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._mirrored_places import Place
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._not_durable import not_durable, only_of
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.mirrored import MirroredStore
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import PEM, Clock, issued

FIRST, SECOND = "000001-00000000", "000002-00000000"
NAMES = ("one", "two", "three")
Step = Callable[[str], None]


def directory(folder: Path, clock: Clock, owner: str = "slow", step: Step = lambda name: None) -> DirectoryStore:
    return DirectoryStore(str(folder), clock=clock, owner=owner, step=step)


def mirrored(folder: Path, clock: Clock, owner: str = "slow", step: Step = lambda name: None) -> MirroredStore:
    stores = [directory(folder / name, clock, owner, step) for name in ("a", "b")]
    return MirroredStore([Place(store, store.path) for store in stores])


def saved(store: Any, version: str = FIRST) -> Dict[str, Lease]:
    leases = {}
    for name in NAMES:
        lease = store.begin(name, store.current(name))
        assert isinstance(lease, Lease), lease
        store.save(lease, issued(name, version, key=PEM))
        store.promote(lease, version)
        leases[name] = lease
    return leases


@pytest.mark.parametrize("make", [directory, mirrored])
def test_a_lineage_that_was_taken_over_costs_its_neighbours_nothing(tmp_path: Path, make: Any) -> None:
    clock = Clock()
    store = make(tmp_path, clock)
    leases = saved(store)
    clock.go(minutes=3)
    taken = make(tmp_path, clock, "quick").begin("two", None)
    assert isinstance(taken, Lease)
    with pytest.raises(BusyError, match="1 of 3 lineages were taken over by somebody else: two") as caught:
        store.flush()
    assert only_of(caught.value) == {"two"}
    for lease in leases.values():
        store.end(lease)
    again = make(tmp_path, clock)
    assert [again.current(name) for name in NAMES] == [FIRST, None, FIRST] and again.versions("two") == []
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("make", [directory, mirrored])
@pytest.mark.parametrize("at", ["rename", "swap over"])
def test_a_disk_that_refuses_one_lineage_costs_its_neighbours_nothing(tmp_path: Path, make: Any, at: str) -> None:
    clock, told = Clock(), []
    first = make(tmp_path, clock)
    for lease in saved(first).values():
        first.end(lease)
    first.flush()

    def step(name: str) -> None:
        told.append(name)
        if name == at and told.count(name) == 2:
            raise OSError(errno.EIO, "broken", "/disk/two")

    store = make(tmp_path, clock, step=step)
    saved(store, SECOND)
    with pytest.raises(ClmError, match=r"/disk/two|two/current") as caught:
        store.flush()
    assert only_of(caught.value) == {"two"} and not isinstance(caught.value, BusyError)
    again = make(tmp_path, clock)
    assert [again.current(name) for name in NAMES] == [SECOND, FIRST, SECOND]


@pytest.mark.parametrize("at", ["sync", "rename"])
@pytest.mark.parametrize("cleaned", [False, True])
def test_of_a_lineage_that_was_lost_no_staged_folder_stays(tmp_path: Path, cleaned: bool, at: str) -> None:
    """Whoever took it over has removed it already, or could not see it yet."""
    clock, told = Clock(), []
    folder = tmp_path / "lineages" / "two"

    def step(name: str) -> None:
        if name == at and not told:
            told.append(name)
            clock.go(minutes=3)
            assert list(folder.glob("versions/.new-*"))
            if cleaned:
                assert isinstance(directory(tmp_path, clock, "quick").begin("two", None), Lease)
                assert not list(folder.glob("versions/.new-*"))
            else:
                (folder / "lease-1").rename(folder / "lease-2")

    store = directory(tmp_path, clock, step=step)
    saved(store)
    with pytest.raises(BusyError):
        store.flush()
    assert told and not list(folder.glob("versions/*")) and not list(tmp_path.rglob(".*"))


def left_over(folder: Path) -> List[Path]:
    """What killed runs leave, beside a version that is there."""
    (folder / "versions" / FIRST).mkdir(parents=True, exist_ok=True)
    found = []
    for number in range(60):
        found += [folder / f".current-{number}", folder / f".extended-{number}", folder / "versions" / FIRST / f".{number}-version.json"]
        staged = folder / "versions" / f".new-{number:06d}-00000000"
        staged.mkdir()
        (staged / "key.pem").touch()
        found.append(staged)
    for path in found:
        if not path.exists():
            path.symlink_to("x")
    return found


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    clean(str(tmp_path))  # no version yet
    left = left_over(tmp_path)
    stays = [tmp_path / "current", tmp_path / "lease-3", tmp_path / "versions" / FIRST / "key.pem", tmp_path / "versions" / "file"]
    for path in stays:
        path.touch()
    clean(str(tmp_path))
    assert not [path for path in left if path.is_symlink() or path.exists()] and all(path.exists() for path in stays)


def test_two_that_clean_up_at_once_do_not_stumble_over_each_other(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        for _again in range(20):
            left = left_over(tmp_path)
            list(pool.map(clean, [str(tmp_path)] * 4))
            assert not [path for path in left if path.is_symlink() or path.exists()]
    shutil.rmtree(tmp_path / "versions")
    clean(str(tmp_path))


def test_one_error_of_many_names_all_lineages_and_some_in_words() -> None:
    busy = {f"l{number}": BusyError("gone") for number in range(7)}
    error = not_durable({**busy, "disk": ClmError("the disk is full", hint="make room")}, 9)
    assert isinstance(error, BusyError) and only_of(error) == {*busy, "disk"}
    assert error.message == "7 of 9 lineages were taken over by somebody else: l0, l1, l2, l3, l4 and more; and the disk is full"
    full = not_durable({"disk": ClmError("the disk is full", hint="make room")}, 9)
    assert not isinstance(full, BusyError) and (full.message, full.hint, only_of(full)) == ("the disk is full", "make room", {"disk"})
    assert only_of(ClmError("all of it")) is None
