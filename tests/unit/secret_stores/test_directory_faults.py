# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `directory` when files are damaged, disks are full, folders are open and holders die."""

from __future__ import annotations

import datetime
import errno
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Callable, List, Optional, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Busy, KeyRef, Lease, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, MalformedError
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _directory_lease as leases
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import directory
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import CHAIN, PEM, SPKI, START, Clock, issued, pending

FIRST, SECOND = "000001-00000000", "000002-00000000"


def a_store(folder: Path, step: Callable[[str], None] = lambda name: None) -> DirectoryStore:
    return DirectoryStore(str(folder / "store"), clock=Clock(), owner="test", step=step)


def lease_of(store: DirectoryStore, lineage: str = "shop", current: Optional[str] = None) -> Lease:
    lease = store.begin(lineage, current)
    assert isinstance(lease, Lease)
    return lease


def two_versions(folder: Path) -> Path:
    """A lineage whose second version is current; the folder of its versions."""
    store = a_store(folder)
    lease = lease_of(store)
    for version in (FIRST, SECOND):
        store.save(lease, issued("shop", version, key=PEM))
        store.promote(lease, version)
    store.end(lease)
    store.flush()
    return folder / "store" / "lineages" / "shop" / "versions"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("name", ["version.json", "chain.pem", "key.pem"])
@pytest.mark.parametrize(
    "damage", [cut, empty, os.unlink, lambda path: path.write_bytes(b"\0" * 300), lambda path: path.write_bytes(b"[]")]
)
def test_a_damaged_version_is_listed_and_breaks_nobody(tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    versions = two_versions(tmp_path)
    damage(versions / FIRST / name)
    store = a_store(tmp_path)
    if name == "key.pem" and (versions / FIRST / name).exists() and (versions / FIRST / name).stat().st_size:
        with pytest.raises(MalformedError):  # only whoever reads a key sees that it is no longer one
            store.key(KeyRef("", "shop", FIRST, SPKI))
    else:
        first, second = store.versions("shop")
        assert (first.version, first.state) == (FIRST, "rejected") and name in first.meta["malformed"]
        assert second.chain_pem == CHAIN and not second.meta
        with pytest.raises(MalformedError, match="shop"):
            store.load("shop", FIRST)
    assert store.load("shop") == issued("shop", SECOND)


@pytest.mark.parametrize(
    "facts", ['{"format":1}', '{"format":2,"state":"done"}', '{"format":2}', "[" * 100_000, '{"format":2,"state":"pending","meta":[]}']
)
def test_facts_that_are_not_ours_are_malformed(tmp_path: Path, facts: str) -> None:
    (two_versions(tmp_path) / FIRST / "version.json").write_text(facts)
    assert a_store(tmp_path).versions("shop")[0].meta["malformed"]


def test_a_current_that_names_nothing_is_said(tmp_path: Path) -> None:
    current = two_versions(tmp_path).parent / "current"
    for target in ("versions/000009-00000000", "../../other", "versions/../../x"):
        current.unlink()
        current.symlink_to(target)
        with pytest.raises(MalformedError):
            a_store(tmp_path).load("shop")
    store = a_store(tmp_path)
    with pytest.raises(MalformedError):
        store.begin("shop", SECOND)
    current.unlink()
    assert isinstance(store.begin("shop", None), Lease)  # the lease was given back


def test_nobody_else_can_read_or_enter(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        two_versions(tmp_path)
    finally:
        os.umask(old)
    for path in (tmp_path / "store", *(tmp_path / "store").rglob("*")):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777])
def test_a_store_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "store").mkdir()
    if mode == 0o770:
        if os.geteuid() != 0:
            pytest.skip("only root can give a folder to a group that it is not in")
        os.chown(tmp_path / "store", 0, 12345)
    (tmp_path / "store").chmod(mode)
    with pytest.raises(ConfigError, match="writable"):
        a_store(tmp_path).begin("shop", None)


def test_a_store_below_a_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ConfigError, match="open"):
        a_store(tmp_path / "open").begin("shop", None)
    assert not (tmp_path / "open" / "store").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("where", ["stage", "key.pem", "pending.json", "version.json", "sync", "rename", "swap", "swap over"])
def test_a_disk_that_refuses_leaves_no_half(tmp_path: Path, number: int, where: str) -> None:
    two_versions(tmp_path)

    left = [where]

    def step(name: str) -> None:
        if name in left:
            left.clear()
            raise OSError(number, os.strerror(number), str(tmp_path / "store" / name))

    store = a_store(tmp_path, step)
    lease = lease_of(store, current=SECOND)
    with pytest.raises(ClmError) as caught:
        store.save(lease, pending("shop", "000003-00000000", key=PEM))
        store.save(lease, issued("shop", "000003-00000000"))
        store.promote(lease, "000003-00000000")
        store.flush()
    assert str(tmp_path) in str(caught.value) and caught.value.hint
    store.end(lease)
    store.flush()
    again = a_store(tmp_path)
    assert again.current("shop") == store.current("shop") and again.load("shop") is not None
    assert not [one for one in again.versions("shop") if "malformed" in one.meta]
    assert not list((tmp_path / "store").rglob(".*"))
    assert again.current("shop") == SECOND


def test_one_lineage_that_cannot_be_written_loses_no_neighbour(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    leases = [lease_of(store, name) for name in ("a", "b", "c")]
    for lease in leases:
        store.save(lease, issued(lease.lineage, FIRST, key=PEM))
        store.promote(lease, FIRST)
    (tmp_path / "store/lineages/b/versions" / FIRST).mkdir()
    (tmp_path / "store/lineages/b/versions" / FIRST / "x").touch()
    with pytest.raises(ClmError, match="/b/"):
        store.flush()
    assert [a_store(tmp_path).current(name) for name in ("a", "c")] == [FIRST, FIRST]


# --- encryption at rest ---


def passphrase(path: Path, text: str = "correct horse battery") -> str:
    path.touch(0o600)
    path.write_text(text)
    return str(path)


def test_keys_are_encrypted_and_the_passphrase_is_needed(tmp_path: Path) -> None:
    options = {"path": str(tmp_path / "store")}
    good = {**options, "passphrase_file": passphrase(tmp_path / "right")}
    store = directory.create(good, lambda: START)
    lease = store.begin("shop", None)
    store.save(lease, pending("shop", FIRST))
    store.flush()
    kept = (tmp_path / "store/lineages/shop/versions" / FIRST / "key.pem").read_bytes()
    assert kept.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    wanted = KeyRef("", "shop", FIRST, SPKI)
    assert directory.create(good, lambda: START).key(wanted) == PEM
    with pytest.raises(ConfigError, match="encrypted"):
        directory.create(options, lambda: START).key(wanted)
    wrong = {**options, "passphrase_file": passphrase(tmp_path / "wrong", "another long passphrase")}
    with pytest.raises(MalformedError, match="passphrase"):
        directory.create(wrong, lambda: START).key(wanted)


def test_plain_keys_stay_readable_when_a_passphrase_is_added(tmp_path: Path) -> None:
    two_versions(tmp_path)
    store = DirectoryStore(str(tmp_path / "store"), clock=Clock(), owner="test", passphrase=Secret(b"correct horse battery"))
    assert store.key(KeyRef("", "shop", FIRST, SPKI)) == PEM


def test_a_passphrase_that_protects_nothing_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "store" / "lineages"
    inside.mkdir(parents=True)
    (tmp_path / "link").symlink_to(passphrase(inside / "p"))
    (tmp_path / "open").write_text("correct horse battery")
    (tmp_path / "open").chmod(0o644)
    for path in (
        inside / "p",
        tmp_path / "link",
        tmp_path / "open",
        passphrase(tmp_path / "short", "nineteen characters\n"),
        tmp_path / "none",
    ):
        with pytest.raises(ClmError):
            directory.create({"path": str(tmp_path / "store"), "passphrase_file": str(path)}, lambda: START)


# --- leases ---


def test_a_lease_of_a_dead_process_ends_by_time_and_by_nothing_else(tmp_path: Path) -> None:
    a_store(tmp_path)
    child = os.fork()
    if child == 0:
        os._exit(0 if isinstance(a_store(tmp_path).begin("shop", None), Lease) else 1)
    assert os.waitpid(child, 0)[1] == 0
    clock = Clock()
    store = DirectoryStore(str(tmp_path / "store"), clock=clock, owner="me")
    clock.go(seconds=119)
    assert isinstance(store.begin("shop", None), Busy)
    clock.go(seconds=1)
    assert lease_of(store).fence == 2


def test_a_lease_from_elsewhere_is_taken_over_only_when_it_expired(tmp_path: Path) -> None:
    two_versions(tmp_path)
    folder = tmp_path / "store/lineages/shop"
    (folder / "free-1").unlink()
    expires = START + datetime.timedelta(seconds=60)
    (folder / "lease-7").symlink_to(f"{int(expires.timestamp()):x}.alice@other.host\x1b[2J")
    clock = Clock()
    store = DirectoryStore(str(tmp_path / "store"), clock=clock, owner="me")
    answer = store.begin("shop", SECOND)
    assert isinstance(answer, Busy) and answer.owner == "alice@other.host?[2J" and "12:01:00" in answer.message
    assert answer.until == expires
    clock.go(seconds=60)
    assert lease_of(store, current=SECOND).fence == 8
    assert sorted(path.name for path in folder.glob("*-*")) == ["lease-8"]


@pytest.mark.parametrize("text", ["", "x", "zz.a.b.c.d", "ffffffffffffffffffff.a.b.c.d"])
def test_a_lease_that_nobody_can_read_stands_in_nobodys_way(tmp_path: Path, text: str) -> None:
    two_versions(tmp_path)
    os.symlink(text or "-", tmp_path / "store/lineages/shop/lease-5")
    assert lease_of(a_store(tmp_path), current=SECOND).fence == 6


def contend(arguments: Tuple[str, int]) -> List[int]:
    """Take and give back a lease many times; the fences that were got."""
    path, rounds = arguments
    store = DirectoryStore(path, clock=Clock(), owner=f"p{os.getpid()}")
    got = []
    for _round in range(rounds):
        lease = store.begin("shop", None)
        if isinstance(lease, Lease):
            marker = f"{path}/inside"
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))  # raises when somebody else is inside
            os.unlink(marker)
            got.append(lease.fence)
            store.end(lease)
    return got


def test_no_two_processes_ever_have_one_lineage(tmp_path: Path) -> None:
    path = str(tmp_path / "store")
    DirectoryStore(path, clock=Clock(), owner="x").begin("other", None)
    with ProcessPoolExecutor(4) as pool:
        fences = [fence for got in pool.map(contend, [(path, 300)] * 4) for fence in got]
    assert len(fences) > 20 and len(fences) == len(set(fences))


def test_a_version_is_never_pending_again_and_a_chain_never_changes(tmp_path: Path) -> None:
    two_versions(tmp_path)
    store = a_store(tmp_path)
    lease = lease_of(store, current=SECOND)
    for wrong in (
        pending("shop", SECOND, key=None),
        issued("shop", SECOND, chain_pem=CHAIN + CHAIN),
        issued("shop", SECOND, sha256="00" * 32),
    ):
        with pytest.raises(ConfigError):
            store.save(lease, wrong)
    assert a_store(tmp_path).load("shop") == StoredVersion("shop", SECOND, "issued", SPKI, "5c" * 32, CHAIN)


def test_without_locks_a_second_look_decides(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    (tmp_path / "lease-6").symlink_to("mine")
    assert leases._newest(handle, 6)
    for other in ("free-6", "lease-7", "free-7"):
        (tmp_path / other).symlink_to("theirs")
        assert not leases._newest(handle, 6)
        (tmp_path / other).unlink()
    os.close(handle)
