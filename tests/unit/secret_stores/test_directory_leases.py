# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leases of the store `directory`: commits of a slow owner, file systems without locks, and keeping leases up."""

from __future__ import annotations

import datetime
import errno
import os
import shutil
import stat
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Busy, Lease
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.flows.leasing import PATIENCE, Holding, lease_of, lease_of_any, telling
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _directory_lease as leases
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _directory_time, directory
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import CHAIN, PEM, Clock, issued, pending

FIRST, SECOND = "000001-00000000", "000002-00000000"


def a_store(folder: Path, clock: Clock, step: Callable[[str], None] = lambda name: None, owner: str = "slow") -> DirectoryStore:
    return DirectoryStore(str(folder / "store"), clock=clock, owner=owner, step=step)


def begun(store: DirectoryStore, lineage: str = "shop", current: Any = None) -> Lease:
    lease = store.begin(lineage, current)
    assert isinstance(lease, Lease), lease
    return lease


@pytest.mark.parametrize(
    ("where", "committed", "current"),
    [
        ("stage", False, None),
        ("key.pem", False, None),
        ("sync", False, None),
        ("sync renamed", True, None),
        ("swap", True, None),
        ("sync swapped", True, SECOND),
    ],
)
def test_a_slow_owner_that_lost_its_lease_on_the_way_commits_no_further(tmp_path: Path, where: str, committed: bool, current: Any) -> None:
    """Another one takes the lineage over right before that step of the first one's commit; one that nobody can overtake is done before."""
    clock, taken, told = Clock(), [], []

    def step(name: str) -> None:
        if name == where and not taken:
            told.append(name)
            clock.go(minutes=3)
            taken.append(a_store(tmp_path, clock, owner="quick").begin("shop", None))

    store = a_store(tmp_path, clock, step)
    lease = begun(store)
    if current is None:
        with pytest.raises(BusyError):
            store.save(lease, issued("shop", SECOND, key=PEM))
            store.promote(lease, SECOND)
            store.flush()
        with suppress(BusyError):  # as every flow does at its end, also when some of its items were lost
            store.flush()
    else:
        store.save(lease, issued("shop", SECOND, key=PEM))
        store.promote(lease, SECOND)
        store.flush()
    again = a_store(tmp_path, clock)
    assert told and again.current("shop") == current
    assert [one.version for one in again.versions("shop")] == ([SECOND] if committed else [])
    assert not list((tmp_path / "store").rglob(".*"))


@pytest.mark.parametrize("where", ["rename", "swap over"])
def test_nobody_takes_over_between_the_look_and_the_write(tmp_path: Path, where: str) -> None:
    clock, answers = Clock(), []

    def step(name: str) -> None:
        if name == where:
            clock.go(minutes=3)
            answers.append(a_store(tmp_path, clock, owner="quick").begin("shop", FIRST))

    first = a_store(tmp_path, clock)
    lease = begun(first)
    first.save(lease, issued("shop", FIRST, key=PEM))
    first.promote(lease, FIRST)
    first.end(lease)
    first.flush()
    store = a_store(tmp_path, clock, step)
    lease = begun(store, current=FIRST)
    store.save(lease, issued("shop", SECOND, key=PEM))
    store.promote(lease, SECOND)
    store.flush()
    assert answers and all(isinstance(one, Busy) and one.until is not None for one in answers)
    assert a_store(tmp_path, clock).current("shop") == SECOND


# --- file systems whose folders have no locks ---


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can have a real one: it needs a server of NFS."""

    def flock(handle: int, how: int) -> None:
        raise OSError(errno.EBADF, "no locks here")

    monkeypatch.setattr(leases.fcntl, "flock", flock)


@pytest.mark.parametrize("where", ["rename", "swap over", "drop: record", "drop: rename"])
def test_without_locks_one_that_stands_still_between_the_look_and_the_write_commits_nothing(
    tmp_path: Path, no_locks: None, where: str
) -> None:
    """The pause is right before the system call that others would see; whoever took over has removed what it renames."""
    clock, taken = Clock(), []

    def step(name: str) -> None:
        if name == where and not taken:
            clock.go(minutes=3)
            taken.append(begun(a_store(tmp_path, clock, owner="quick"), current=FIRST))

    first = a_store(tmp_path, clock)
    lease = begun(first)
    first.save(lease, issued("shop", SECOND if where.startswith("drop") else FIRST, key=PEM))
    first.save(lease, issued("shop", FIRST, key=PEM))
    first.promote(lease, FIRST)
    first.end(lease)
    first.flush()
    before = {one.version: one for one in a_store(tmp_path, clock).versions("shop")}
    store = a_store(tmp_path, clock, step)
    lease = begun(store, current=FIRST)
    with pytest.raises((BusyError, NotFoundError)):
        if where.startswith("drop"):
            store.drop(lease, replace(before[SECOND], state="dropped"))
        store.save(lease, issued("shop", SECOND, key=PEM))
        store.promote(lease, SECOND)
        store.flush()
    after = a_store(tmp_path, clock)
    assert taken and after.current("shop") == FIRST and not list((tmp_path / "store").rglob(".*"))
    kept = {one.version: one for one in after.versions("shop")}
    assert kept == before if where != "swap over" else kept[FIRST] == before[FIRST]


@pytest.mark.parametrize("where", ["chain.pem", "version.json"])
def test_without_locks_one_that_stands_still_while_it_writes_a_chain_leaves_its_follower_s_whole(
    tmp_path: Path, no_locks: None, where: str
) -> None:
    """Both keep what the CA answered to the same request."""
    clock, taken = Clock(), []

    def step(name: str) -> None:
        if name == where and not taken:
            clock.go(minutes=3)
            quick = a_store(tmp_path, clock, owner="quick")
            taken.append(begun(quick))
            quick.save(taken[0], issued("shop", FIRST))
            quick.end(taken[0])
            quick.flush()

    first = a_store(tmp_path, clock)
    lease = begun(first)
    first.save(lease, pending("shop", FIRST, key=PEM))
    first.end(lease)
    first.flush()
    store = a_store(tmp_path, clock, step)
    with pytest.raises(BusyError):
        store.save(begun(store), replace(issued("shop", FIRST), chain_pem=CHAIN + CHAIN))
        store.flush()
    found = a_store(tmp_path, clock).load("shop", FIRST)
    assert taken and found is not None and found.chain_pem == CHAIN


def test_one_that_is_removed_while_its_owner_renames_it_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes over removes files one by one; a rename in the middle must find no half of them."""
    clock = Clock()
    store = a_store(tmp_path, clock)
    store.save(begun(store), issued("shop", FIRST, key=PEM))
    staged = tmp_path / "store/lineages/shop/versions" / f".new-{FIRST}"
    real, tried = shutil.rmtree, []

    def rmtree(path: Any, **how: Any) -> None:
        tried.append(staged.exists())
        real(path, **how)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    clock.go(minutes=3)
    begun(a_store(tmp_path, clock, owner="quick"))
    assert tried == [False] and not list((tmp_path / "store").rglob(".*"))


def test_where_a_file_system_is_not_this_machine_s_own_the_lock_is_on_a_file_that_is_open_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFSv4 makes a byte-range lock of flock, and refuses an exclusive one through a file that is only read (EBADF).

    A folder there seems to be locked, for this machine alone.
    """
    modes: List[int] = []
    real = leases.fcntl.flock

    def flock(handle: int, how: int) -> None:
        modes.append(leases.fcntl.fcntl(handle, leases.fcntl.F_GETFL) & os.O_ACCMODE)
        assert stat.S_ISREG(os.fstat(handle).st_mode)
        real(handle, how)

    monkeypatch.setattr(leases.fcntl, "flock", flock)
    monkeypatch.setattr(leases, "is_local", lambda handle: False)
    store = a_store(tmp_path, Clock())
    store.end(begun(store))
    assert modes and set(modes) == {os.O_RDWR}


def test_where_it_is_this_machine_s_own_no_file_is_made_for_the_lock(tmp_path: Path) -> None:
    """Making one for every lineage costs more than all that it is locked for."""
    store = a_store(tmp_path, Clock())
    store.end(begun(store))
    assert sorted(path.name for path in (tmp_path / "store/lineages/shop").iterdir()) == ["free-1", "versions"]


# --- controllers whose clocks are wrong ---


@pytest.mark.parametrize("ahead", [130, 3600, -3600])
def test_a_controller_whose_clock_is_wrong_takes_no_live_lease_and_its_own_lasts_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    """Machine B's clock is wrong, and the folder is on a file system that both share."""
    off = [0.0]
    monkeypatch.setattr(_directory_time.time, "time", lambda real=_directory_time.time.time: real() + off[0])

    def on(machine: float, owner: str) -> DirectoryStore:
        off[0] = machine
        made = datetime.timedelta(seconds=machine)
        options = {"path": str(tmp_path / "store"), "allow_ephemeral": True}
        store = directory.create(options, lambda: datetime.datetime.now(datetime.timezone.utc) + made)
        store._owner = owner  # type: ignore[attr-defined]
        return store  # type: ignore[return-value]

    right = on(0, "right")
    lease = begun(right)
    wrong = on(ahead, "wrong")
    answer = wrong.begin("shop", None)
    assert isinstance(answer, Busy) and answer.owner == "right", "it took a lease that is live"
    assert begun(wrong, "other").owner == "wrong"
    again = on(0, "right")
    answer = again.begin("other", None)
    assert isinstance(answer, Busy) and answer.until is not None
    left = (answer.until - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 100 < left <= 121, "others would wait for it for too long, or take it while it is live"
    right.end(lease)


def test_without_locks_it_is_extended_and_lost_too(tmp_path: Path, no_locks: None) -> None:
    clock = Clock()
    store, other = a_store(tmp_path, clock), a_store(tmp_path, clock, owner="quick")
    lease = begun(store)
    clock.go(seconds=100)
    assert store.extend(lease).expires == clock.now + store._seconds
    clock.go(seconds=100)
    assert isinstance(other.begin("shop", None), Busy)
    clock.go(seconds=20)
    taken = begun(other)
    for act in (lambda: store.extend(lease), lambda: store.save(lease, pending("shop", FIRST))):
        with pytest.raises(BusyError):
            act()
    assert leases.holds(str(tmp_path / "store/lineages/shop"), taken.fence)


@pytest.mark.parametrize("cleaned", [False, True])
def test_without_locks_one_taken_over_while_it_is_extended_does_not_come_back(
    tmp_path: Path, no_locks: None, monkeypatch: pytest.MonkeyPatch, cleaned: bool
) -> None:
    clock = Clock()
    store = a_store(tmp_path, clock)
    lease = begun(store)
    folder = str(tmp_path / "store/lineages/shop")
    real = leases.os.replace

    def replace(draft: str, path: str) -> None:
        monkeypatch.setattr(leases.os, "replace", real)
        clock.go(minutes=3)
        if cleaned:
            begun(a_store(tmp_path, clock, owner="quick"))
        else:
            assert isinstance(leases.take(folder, "quick", clock.now, clock.now), leases.Taken)
        real(draft, path)

    monkeypatch.setattr(leases.os, "replace", replace)
    with pytest.raises(BusyError):
        store.extend(lease)
    assert not leases.holds(folder, lease.fence) and leases.holds(folder, lease.fence + 1)


# --- keeping leases up ---


class Counted:
    """A store that counts how often it was asked for more time, and moves its clock with each."""

    def __init__(self, store: DirectoryStore, clock: Clock, enough: int) -> None:
        self._store, self._clock, self._enough = store, clock, enough
        self.done = threading.Event()
        self.times: List[str] = []

    def extend(self, lease: Lease) -> Lease:
        self._clock.go(seconds=30)
        self.times.append(lease.lineage)
        if self.times.count("shop") >= self._enough:
            self.done.set()
        return self._store.extend(lease)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def ahead(clock: Clock) -> Callable[[], Any]:
    """A clock at which no lease has time left: the thread does not wait for a third of it."""
    far = Clock()
    far.go(days=365)
    return far


def test_what_is_held_does_not_expire_and_is_let_go_at_the_end(tmp_path: Path) -> None:
    clock = Clock()
    store = Counted(a_store(tmp_path, clock), clock, 10)
    with Holding(store, ahead(clock), least=0.001) as held:  # type: ignore[arg-type]
        lease = held.add(begun(store))  # type: ignore[arg-type]
        assert store.done.wait(20), "nobody extended it"
        held.end(lease)
        times = len(store.times)
        other = a_store(tmp_path, clock, owner="quick")
        taken = begun(other)
        assert clock.now >= lease.expires and taken.fence == lease.fence + 1
    assert len(store.times) == times and not [one for one in threading.enumerate() if one.name == "clm-leases"]


def test_one_that_was_lost_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    clock = Clock()
    store = Counted(a_store(tmp_path, clock), clock, 5)
    lost = begun(store, "other")  # type: ignore[arg-type]
    clock.go(minutes=3)
    begun(a_store(tmp_path, clock, owner="quick"), "other")
    with Holding(store, ahead(clock), least=0.001) as held:  # type: ignore[arg-type]
        held.add(lost)
        held.add(begun(store))  # type: ignore[arg-type]
        assert store.done.wait(20) and "other" in store.times


# --- waiting ---


def pauses(clock: Clock, acts: Iterator[Callable[[], None]]) -> Any:
    said: List[str] = []

    def pause(seconds: float, why: str) -> None:
        said.append(why)
        clock.go(seconds=seconds)
        next(acts, lambda: None)()

    return pause, said


def test_a_lease_is_waited_for_until_it_is_free(tmp_path: Path) -> None:
    clock = Clock()
    other = a_store(tmp_path, clock, owner="alice@other")
    lease = begun(other)
    pause, said = pauses(clock, iter([lambda: None, lambda: other.end(lease)]))
    assert lease_of(a_store(tmp_path, clock), "shop", None, pause).fence == 2
    assert len(said) == 2 and "alice@other has the lineage shop until 2026-11-23T12:02:00Z" in said[0]


def test_a_dead_owner_is_waited_for_no_longer_than_its_lease(tmp_path: Path) -> None:
    clock = Clock()
    begun(a_store(tmp_path, clock, owner="dead"))
    pause, said = pauses(clock, iter([]))
    assert lease_of(a_store(tmp_path, clock), "shop", None, pause).fence == 2
    assert len(said) == 120


def test_patience_ends_and_nobody_waits_without_a_pause(tmp_path: Path) -> None:
    clock = Clock()
    other = a_store(tmp_path, clock, owner="alive")
    lease = begun(other)
    pause, said = pauses(clock, iter([lambda: other.extend(lease) and None] * 1000))
    for wait, count in ((pause, PATIENCE), (None, PATIENCE)):
        with pytest.raises(BusyError, match="alive has the lineage shop") as caught:
            lease_of(a_store(tmp_path, clock), "shop", None, wait)
        assert caught.value.hint and len(said) == count


def test_one_whose_current_version_moved_on_is_refused_or_taken_as_it_is(tmp_path: Path) -> None:
    clock = Clock()
    store = a_store(tmp_path, clock)
    lease = begun(store)
    store.save(lease, issued("shop", FIRST, key=PEM))
    store.promote(lease, FIRST)
    store.end(lease)
    store.flush()
    pause, said = pauses(clock, iter([]))
    with pytest.raises(BusyError, match="current version of shop is 000001"):
        lease_of(store, "shop", None, pause)
    assert said == [] and lease_of_any(store, "shop", pause).lineage == "shop"
    found = a_store(tmp_path, clock).load("shop")
    assert found is not None and found.chain_pem == CHAIN


def test_each_holder_is_named_once() -> None:
    said: List[str] = []
    slept: List[float] = []
    pause = telling(said.append, slept.append)
    for why in ("a has the lineage x until 1", "a has the lineage x until 2", "b has the lineage x until 2"):
        pause(1.0, why)
    assert slept == [1.0] * 3 and [text.rpartition(": ")[2] for text in said] == [
        "a has the lineage x until 1",
        "b has the lineage x until 2",
    ]


def test_what_a_killed_holder_renamed_is_made_durable_before_anybody_goes_on_with_it(tmp_path: Path) -> None:
    """Killed between the rename of a version and the sync of its folder; a version that everybody sees may not be lost to a power cut."""
    clock, told = Clock(), []

    class Killed(BaseException):
        """Nothing after it runs, as after SIGKILL."""

    def step(name: str) -> None:
        if name == "sync renamed":
            raise Killed

    store = a_store(tmp_path, clock, step)
    store.save(begun(store), pending("shop", FIRST, key=PEM))
    with pytest.raises(Killed):
        store.flush()
    clock.go(minutes=3)
    after = a_store(tmp_path, clock, told.append, owner="next")
    lease = begun(after)
    assert told == ["sync_left"] and [one.version for one in after.versions("shop")] == [FIRST]
    after.end(lease)
    told.clear()
    begun(a_store(tmp_path, clock, told.append, owner="third"))
    assert told == [], "nobody was killed"
