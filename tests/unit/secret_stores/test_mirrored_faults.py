# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies that differ, that cannot be reached, that refuse: what is read, what is refused, what is mended."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Busy, KeyRef, Lease
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, MalformedError, UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect_store import inspect_store
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import mirrored
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._mirrored_places import Place
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.mirrored import MirroredStore
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import PEM, SPKI, Clock, issued
from ansible_collections.certops.clm.tests.unit.secret_stores.test_mirrored_kills import FIRST, both, first_version, one

SECOND = "000002-00000000"


def add(store: Any, version: str, sha256: str = "5c" * 32) -> None:
    lease = store.begin("shop", store.current("shop"))
    assert isinstance(lease, Lease), lease
    store.save(lease, issued("shop", version, sha256=sha256, key=PEM))
    store.promote(lease, version)
    store.end(lease)
    store.flush()


def mended(folder: Path) -> None:
    store = both(folder)
    lease = store.begin("shop", store.current("shop"))
    assert isinstance(lease, Lease), lease
    store.end(lease)


def test_what_one_copy_lacks_is_reported_and_the_next_lease_copies_it_with_its_key(tmp_path: Path) -> None:
    first_version(tmp_path)
    add(one(tmp_path, "a"), SECOND)
    store = both(tmp_path)
    assert store.current("shop") == SECOND
    a, b = one(tmp_path, "a").identity(), one(tmp_path, "b").identity()
    assert store.divergences("shop") == (
        f"version {SECOND} is missing in {b}",
        f"current version: {SECOND} in {a}, {FIRST} in {b}",
        f"{a} was written last; {b} lacks writes, as a copy from an old backup does",
    )
    info = inspect_store(store)
    assert info["diverging"] == ["shop"] and len(info["lineages"]["shop"]["divergences"]) == 3
    mended(tmp_path)
    assert both(tmp_path).divergences("shop") == () and one(tmp_path, "b").current("shop") == SECOND
    assert one(tmp_path, "b").key(KeyRef("", "shop", SECOND, SPKI)) == PEM


def test_a_first_copy_that_lost_everything_is_filled_from_the_second(tmp_path: Path) -> None:
    first_version(tmp_path)
    add(both(tmp_path), SECOND)
    shutil.rmtree(tmp_path / "a" / "lineages")
    assert both(tmp_path).current("shop") == SECOND and list(both(tmp_path).lineages()) == ["shop"]
    mended(tmp_path)
    assert one(tmp_path, "a").current("shop") == SECOND and both(tmp_path).divergences("shop") == ()


def test_a_first_copy_from_an_old_backup_does_not_win(tmp_path: Path) -> None:
    first_version(tmp_path)
    shutil.copytree(tmp_path / "a", tmp_path / "old", symlinks=True)
    add(both(tmp_path), SECOND)
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "old").rename(tmp_path / "a")
    assert both(tmp_path).current("shop") == SECOND
    mended(tmp_path)
    assert one(tmp_path, "a").current("shop") == SECOND


def test_copies_that_went_apart_are_refused_and_never_chosen(tmp_path: Path) -> None:
    first_version(tmp_path)
    add(one(tmp_path, "a"), SECOND)
    add(one(tmp_path, "b"), "000002-11111111", "ab" * 32)
    for act in (lambda: both(tmp_path).current("shop"), lambda: both(tmp_path).begin("shop", SECOND)):
        with pytest.raises(MalformedError, match="contradict"):
            act()
    assert inspect_store(both(tmp_path))["damaged"] == ["shop"]
    assert one(tmp_path, "b").current("shop") == "000002-11111111"
    taken = one(tmp_path, "a").begin("shop", SECOND)
    assert isinstance(taken, Lease), "the leases were given back"


def test_two_certificates_under_one_version_are_refused(tmp_path: Path) -> None:
    first_version(tmp_path)
    add(one(tmp_path, "a"), SECOND)
    add(one(tmp_path, "b"), SECOND, "ab" * 32)
    store = both(tmp_path)
    with pytest.raises(MalformedError, match="sha256"):
        store.load("shop")
    assert [bool(version.meta.get("malformed")) for version in store.versions("shop")] == [False, True]
    with pytest.raises(MalformedError):
        store.begin("shop", SECOND)


def test_a_damaged_copy_is_read_from_the_other_and_reported(tmp_path: Path) -> None:
    first_version(tmp_path)
    place = tmp_path / "a/lineages/shop/versions" / FIRST
    (place / "chain.pem").write_text("cut")
    (place / "key.pem").write_bytes(b"")
    store = both(tmp_path)
    found = store.load("shop")
    assert found is not None and found.chain_pem and store.key(KeyRef("", "shop", FIRST, SPKI)) == PEM
    assert "damaged in" in store.divergences("shop")[0]
    mended(tmp_path)
    assert both(tmp_path).divergences("shop") != (), "what is damaged is left for somebody to look at"
    shutil.rmtree(place)
    mended(tmp_path)
    assert both(tmp_path).divergences("shop") == ()


def test_a_copy_that_is_not_there_is_read_around_and_nothing_is_written(tmp_path: Path) -> None:
    first_version(tmp_path)
    (tmp_path / "b").rename(tmp_path / "away")
    store = both(tmp_path)
    assert store.current("shop") == FIRST and store.key(KeyRef("", "shop", FIRST, SPKI)) == PEM
    info = inspect_store(store)
    assert len(store.unreachable()) == 1 and "/b cannot be reached" in store.unreachable()[0].replace(" of the secret store", "")
    assert [bool(copy["error"]) for copy in info["copies"]] == [False, True] and "cannot be reached" in info["remarks"][0]
    with pytest.raises(UnavailableError, match="nothing was written"):
        store.begin("shop", FIRST)
    assert not (tmp_path / "b").exists() and not list((tmp_path / "a").rglob("lease-*"))
    (tmp_path / "b").mkdir()  # a new disk, empty
    mended(tmp_path)
    assert both(tmp_path).divergences("shop") == ()


def failing(name: str) -> Any:
    def step(at: str) -> None:
        if at == name:
            raise OSError(errno.ENOSPC, "full", "/b/disk")

    return step


@pytest.mark.parametrize("at", ["b key.pem", "b sync", "b rename", "b sync renamed"])
def test_a_second_copy_whose_disk_is_full_leaves_nothing_promoted_in_the_first(tmp_path: Path, at: str) -> None:
    first_version(tmp_path)
    with pytest.raises(ClmError):
        add(both(tmp_path, failing(at)), SECOND)
    assert one(tmp_path, "a").current("shop") == one(tmp_path, "b").current("shop") == FIRST
    store = both(tmp_path)
    assert store.current("shop") == FIRST
    assert not [one for one in store.versions("shop") if one.meta.get("malformed")]


def test_somebody_who_has_only_the_second_copy_keeps_the_whole_lineage(tmp_path: Path) -> None:
    first_version(tmp_path)
    other = one(tmp_path, "b")
    lease = other.begin("shop", FIRST)
    assert isinstance(lease, Lease)
    assert isinstance(both(tmp_path).begin("shop", FIRST), Busy)
    other.end(lease)
    assert isinstance(both(tmp_path).begin("shop", FIRST), Lease)


def test_a_wrong_passphrase_of_one_copy_stops_all_before_a_byte_is_written(tmp_path: Path) -> None:
    def stores(second: bytes) -> MirroredStore:
        b = DirectoryStore(str(tmp_path / "b"), clock=Clock(), owner="test", passphrase=Secret(second))
        return MirroredStore([Place(one(tmp_path, "a"), str(tmp_path / "a")), Place(b, b.path)])

    add(stores(b"correct horse battery"), FIRST)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(ClmError, match="not the passphrase"):
        stores(b"another long passphrase").begin("shop", FIRST)
    after = sorted(str(path).replace("free-2", "free-1") for path in tmp_path.rglob("*"))
    assert after == before
    info = inspect_store(stores(b"correct horse battery"))
    assert [copy["keys_at_rest"] for copy in info["copies"]] == [{"encrypted": 0, "clear": 1}, {"encrypted": 1, "clear": 0}]


def test_a_state_that_one_copy_missed_is_brought_over(tmp_path: Path) -> None:
    first_version(tmp_path)
    store = one(tmp_path, "a")
    lease = store.begin("shop", FIRST)
    found = store.load("shop")
    assert isinstance(lease, Lease) and found is not None
    store.save(lease, replace(found, state="rejected", meta={"evidence": "x"}))
    store.end(lease)
    store.flush()
    assert "is proven in" in both(tmp_path).divergences("shop")[0]
    mended(tmp_path)
    record = json.loads((tmp_path / "b/lineages/shop/versions" / FIRST / "version.json").read_text())
    assert record["state"] == "rejected" and record["meta"] == {"evidence": "x"}


def test_asking_for_the_time_makes_no_copy_that_is_away(tmp_path: Path) -> None:
    """An empty folder is a new copy: made where a disk is not mounted, it would be written to."""
    options = [{"type": "directory", "path": str(tmp_path / name), "allow_ephemeral": True} for name in ("a", "b")]
    store: Any = mirrored.create({"stores": options}, Clock())
    lease = store.begin("shop", None)
    store.save(lease, issued("shop", store.new_version("shop"), key=PEM))
    store.end(lease)
    store.flush()
    (tmp_path / "b").rename(tmp_path / "away")
    assert abs(mirrored.create({"stores": options}, Clock()).clock_ahead()) < 300
    assert not (tmp_path / "b").exists()
    with pytest.raises(UnavailableError, match="cannot be reached"):
        mirrored.create({"stores": options}, Clock()).begin("shop", None)
