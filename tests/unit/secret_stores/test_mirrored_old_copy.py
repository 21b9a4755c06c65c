# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One copy is put back from an old backup: whichever it is, what the other one knows since then stays, and the difference is said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import DROPPED, Busy, Lease
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, MalformedError
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import PEM, pending
from ansible_collections.certops.clm.tests.unit.secret_stores.test_mirrored_faults import SECOND, add, mended
from ansible_collections.certops.clm.tests.unit.secret_stores.test_mirrored_kills import FIRST, both, first_version, one

COPIES = pytest.mark.parametrize("copy", ["a", "b"])


def leased(store: Any) -> Lease:
    lease = store.begin("shop", store.current("shop"))
    assert isinstance(lease, Lease), lease
    return lease


def back_to_first(store: Any) -> None:
    lease = leased(store)
    store.promote(lease, FIRST)
    store.end(lease)
    store.flush()


def marked(store: Any, version: str, state: str) -> None:
    lease = leased(store)
    found = store.load("shop", version)
    getattr(store, "drop" if state == DROPPED else "save")(lease, replace(found, state=state, meta={"evidence": "x"}))
    store.end(lease)
    store.flush()


class OldBackup:
    """What one copy was; `put_back` makes it so again."""

    def __init__(self, folder: Path, copy: str) -> None:
        self.place, self.kept = folder / copy, folder / "old"
        shutil.copytree(self.place, self.kept, symlinks=True)

    def put_back(self) -> None:
        shutil.rmtree(self.place)
        self.kept.rename(self.place)


@COPIES
def test_a_rollback_since_then_is_not_undone(tmp_path: Path, copy: str) -> None:
    first_version(tmp_path)
    add(both(tmp_path), SECOND)
    old = OldBackup(tmp_path, copy)
    back_to_first(both(tmp_path))
    old.put_back()
    store = both(tmp_path)
    other = one(tmp_path, "b" if copy == "a" else "a")
    assert one(tmp_path, copy).current("shop") == SECOND and store.current("shop") == FIRST
    assert f"{other.identity()} was written last" in store.divergences("shop")[-1]
    mended(tmp_path)
    assert one(tmp_path, copy).current("shop") == other.current("shop") == FIRST and both(tmp_path).divergences("shop") == ()


@COPIES
def test_both_copies_one_after_the_other(tmp_path: Path, copy: str) -> None:
    """After the first was mended its count is that of the other one, or it would lose against an old backup of that."""
    test_a_rollback_since_then_is_not_undone(tmp_path, copy)
    old = OldBackup(tmp_path, "b" if copy == "a" else "a")
    add(both(tmp_path), "000003-00000000", "ab" * 32)
    back_to_first(both(tmp_path))
    old.put_back()
    lease = leased(both(tmp_path))
    assert one(tmp_path, "a").times_taken("shop") == one(tmp_path, "b").times_taken("shop") == (lease.fence, False)
    assert one(tmp_path, "a").current("shop") == one(tmp_path, "b").current("shop") == FIRST


@COPIES
@pytest.mark.parametrize("state", ["rejected", DROPPED])
def test_a_verdict_since_then_stands(tmp_path: Path, copy: str, state: str) -> None:
    first_version(tmp_path)
    add(both(tmp_path), SECOND)
    old = OldBackup(tmp_path, copy)
    marked(both(tmp_path), FIRST, state)
    old.put_back()
    store = both(tmp_path)
    found = store.load("shop", FIRST)
    assert found is not None and found.state == store.versions("shop")[0].state == state
    mended(tmp_path)
    back = one(tmp_path, copy).load("shop", FIRST)
    assert back is not None and (back.state, back.meta) == (state, {"evidence": "x"})
    assert both(tmp_path).holds_key("shop", FIRST), "the key that came back with the copy is told of, and cleanup destroys it"


@COPIES
def test_a_request_that_was_refused_since_then_does_not_wait_again(tmp_path: Path, copy: str) -> None:
    first_version(tmp_path)
    store = both(tmp_path)
    lease = leased(store)
    store.save(lease, pending("shop", SECOND, key=PEM))
    store.end(lease)
    store.flush()
    old = OldBackup(tmp_path, copy)
    marked(both(tmp_path), SECOND, "rejected")
    old.put_back()
    mended(tmp_path)
    assert [one(tmp_path, name).versions("shop")[1].state for name in ("a", "b")] == ["rejected", "rejected"]


def test_asking_in_vain_does_not_make_an_old_copy_look_newer(tmp_path: Path) -> None:
    first_version(tmp_path)
    add(both(tmp_path), SECOND)
    old = OldBackup(tmp_path, "a")
    back_to_first(both(tmp_path))
    old.put_back()
    other = one(tmp_path, "b")
    held = other.begin("shop", FIRST)
    assert isinstance(held, Lease)
    for _again in range(5):
        assert isinstance(both(tmp_path).begin("shop", FIRST), Busy)
    other.end(held)
    mended(tmp_path)
    assert one(tmp_path, "a").current("shop") == other.current("shop") == FIRST


def test_a_backup_that_was_taken_in_the_middle_of_the_last_write_does_not_win(tmp_path: Path) -> None:
    first_version(tmp_path)
    add(both(tmp_path), SECOND)
    store = both(tmp_path)
    lease = leased(store)
    old = OldBackup(tmp_path, "a")
    store.promote(lease, FIRST)
    store.end(lease)
    store.flush()
    old.put_back()
    assert both(tmp_path).current("shop") == FIRST
    later = both(tmp_path, minutes=1000)  # the lease in the old copy has expired by then
    assert isinstance(later.begin("shop", FIRST), Lease) and one(tmp_path, "a").current("shop") == FIRST


def test_a_newer_copy_that_lost_what_the_old_one_has_as_its_current_version_is_a_matter_for_somebody(tmp_path: Path) -> None:
    first_version(tmp_path)
    add(both(tmp_path), SECOND)
    old = OldBackup(tmp_path, "a")
    back_to_first(both(tmp_path))
    old.put_back()
    shutil.rmtree(tmp_path / "b/lineages/shop/versions" / SECOND)
    for act in (lambda: both(tmp_path).current("shop"), lambda: both(tmp_path).begin("shop", SECOND)):
        with pytest.raises(MalformedError, match="the one that was written last lacks the other's"):
            act()
    assert one(tmp_path, "b").current("shop") == FIRST


@COPIES
def test_a_copy_that_lost_only_its_current_version_gets_it_again_whatever_was_counted(tmp_path: Path, copy: str) -> None:
    first_version(tmp_path)
    lease = leased(one(tmp_path, copy))  # it alone is counted further
    one(tmp_path, copy).end(lease)
    shutil.rmtree(tmp_path / copy / "lineages/shop/versions" / FIRST)
    mended(tmp_path)
    assert one(tmp_path, copy).load("shop") == one(tmp_path, "b" if copy == "a" else "a").load("shop") is not None


def test_how_often_a_lineage_was_taken_is_counted_and_only_its_holder_counts_up(tmp_path: Path) -> None:
    store = one(tmp_path, "a")
    assert store.times_taken("shop") == (0, True)
    lease = leased(store)
    assert store.times_taken("shop") == (1, False) and store.count_up(lease, 1) == lease
    higher = store.count_up(lease, 7)
    assert higher.fence == 7 and store.times_taken("shop") == (7, False) and isinstance(one(tmp_path, "a").begin("shop", None), Busy)
    with pytest.raises(BusyError):
        store.count_up(lease, 9)  # the one that it was is no lease any more
    store.end(higher)
    assert store.times_taken("shop") == (7, True) and leased(store).fence == 8
