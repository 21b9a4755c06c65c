# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup holds everything and opens only whole; a restore brings it back on an empty controller, and replaces nothing."""

from __future__ import annotations

import errno
import shutil
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Mapping

import pytest

from ansible_collections.certops.clm.plugins.module_utils import ledger as ledgers
from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, MalformedError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.flows._backup_records import of_file, of_version, pack, records, version_of
from ansible_collections.certops.clm.plugins.module_utils.flows._restore_store import opener
from ansible_collections.certops.clm.plugins.module_utils.flows.backup import write_backup
from ansible_collections.certops.clm.plugins.module_utils.flows.restore import restore
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.sealed_file import Sealer
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as stores
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import KEY_PEM, NOW, World

PASS = Secret(b"correct horse battery staple")
CHEAP: Any = partial(Sealer, cost=2**14)
KEY_NEEDLE = KEY_PEM.splitlines()[1]
Open = Callable[[Mapping[str, Any]], Any]
open_store = opener(lambda kind, options: stores.create(kind, options, lambda: NOW))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A controller with two lineages and one that waits, a ledger, observations, and a folder that stands for a local CA's."""
    made = World(tmp_path / "here", data())
    made.folder.mkdir()
    for age in (30, 1):
        made.version("shop", made.authority.chain("shop.example.com", age=age))
    made.version("edge", made.authority.chain("edge.example.com"))
    lease = made.store.begin("waits", None)
    spki = Certificate.from_pem(made.authority.chain("x")[0]).spki_sha256
    waiting = StoredVersion("waits", "000001-00000000", "pending", spki, csr_pem="a request", key=Secret(KEY_PEM), meta={"ref": "ticket 7"})
    made.store.save(lease, waiting)
    made.store.end(lease)
    (made.folder / "ca").mkdir()
    (made.folder / "ca" / "root.key").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    (made.folder / "ca" / "issued.jsonl").write_text('{"a": 1}\n{"torn')
    made.save()
    with ledgers.Ledger(str(made.folder / "ledger"), "w1", lambda: NOW) as ledger:
        ledger.append([{"action": "campaign", "run_id": "r0"}])
    return made


def backed_up(world: World, store: Any = None, **more: Any) -> Dict[str, Any]:
    manifest = load(str(world.folder / "manifest.yml"))
    options: Dict[str, Any] = {"local_ca": True, "allow_damaged": False, "seal": CHEAP, **more}
    store = store or open_store(manifest.secret_store)
    return write_backup(str(world.folder.parent / "all.clm"), PASS, manifest, store, lambda: NOW, **options)


def restored(
    world: World, check_mode: bool = False, passphrase: Secret = PASS, opens: Open = open_store, trust: bool = True
) -> Dict[str, Any]:
    path, manifest = world.folder.parent / "all.clm", world.folder / "manifest.yml"
    return restore(str(path), passphrase, str(manifest), opens, local_ca=True, trust_manifest=trust, check_mode=check_mode)


def tree(folder: Path) -> Dict[str, Any]:
    """Every file and link, without leases, which a restore makes anew, and the half line that a backup leaves out."""
    found: Dict[str, Any] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink() and "lease-" not in name and "free-" not in name:
            found[name] = path.readlink()
        elif path.is_file():
            found[name] = path.read_bytes().replace(b'{"torn', b"")
    return found


def test_all_of_it_comes_back_on_an_empty_controller(world: World) -> None:
    facts = backed_up(world)
    assert (facts["lineages"], facts["versions"], facts["private_keys"], facts["damaged"]) == (3, 4, 4, [])
    sealed = (world.folder.parent / "all.clm").read_bytes()
    assert KEY_NEEDLE not in sealed and b"shop.example" not in sealed
    before = tree(world.folder)
    shutil.rmtree(world.folder)
    planned = restored(world, check_mode=True)
    assert planned["changed"] and not world.folder.exists()
    assert restored(world)["changed"] and tree(world.folder) == before
    assert not restored(world)["changed"] and tree(world.folder) == before
    store = open_store(load(str(world.folder / "manifest.yml")).secret_store)
    for lineage in store.lineages():
        for one in store.versions(lineage):
            assert store.key(KeyRef("", lineage, one.version, one.spki_sha256)).reveal()
    assert ledgers.verify(str(world.folder / "ledger")).ok
    assert all(path.stat().st_mode & 0o077 == 0 for path in (world.folder / "store").rglob("*") if not path.is_symlink())


def test_a_ledger_that_went_on_is_left_as_it_is(world: World) -> None:
    backed_up(world)
    with ledgers.Ledger(str(world.folder / "ledger"), "w1", lambda: NOW) as ledger:
        ledger.append([{"action": "campaign", "run_id": "r1"}])
    assert not restored(world)["changed"] and ledgers.verify(str(world.folder / "ledger")).events == 2


def another_version(world: World) -> None:
    world.version("shop", world.authority.chain("shop.example.com", age=0))
    world.store.flush()


def another_lineage(world: World) -> None:
    world.version("new", world.authority.chain("new.example.com"))
    world.store.flush()


def another_current(world: World) -> None:
    lease = world.store.begin("shop", world.store.current("shop"))
    world.store.promote(lease, world.store.versions("shop")[0].version)
    world.store.end(lease)
    world.store.flush()


def a_lost_key(world: World) -> None:
    next((world.folder / "store").rglob("key.pem")).unlink()


def another_file(world: World) -> None:
    (world.folder / "ca" / "root.key").write_text("another")


def a_rewritten_ledger(world: World) -> None:
    (world.folder / "ledger" / "w1.jsonl").write_bytes(b"{}\n")


@pytest.mark.parametrize("change", [another_version, another_lineage, another_current, a_lost_key, another_file, a_rewritten_ledger])
def test_what_differs_is_refused_and_nothing_is_written(world: World, change: Callable[[World], None]) -> None:
    backed_up(world)
    change(world)
    (world.folder / "observations.json").unlink()
    before = tree(world.folder)
    with pytest.raises(ConfigError, match="nothing was written"):
        restored(world)
    assert tree(world.folder) == before


@pytest.mark.parametrize("cut", [1, 17, 70_000, 0.5, 0.001])
def test_a_cut_or_altered_backup_is_refused_whole(world: World, cut: float) -> None:
    path = world.folder.parent / "all.clm"
    for number in range(8):
        world.version(f"more-{number}", world.authority.chain(*[f"{'x' * 50}{other}.example.com" for other in range(100)]))
    world.store.flush()
    backed_up(world)
    shutil.rmtree(world.folder)
    whole = path.read_bytes()
    assert len(whole) > 80_000
    place = int(len(whole) * cut) if cut < 1 else len(whole) - int(cut)
    for broken in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], whole + b"x"):
        path.write_bytes(broken)
        with pytest.raises(MalformedError):
            restored(world)
        assert not world.folder.exists()
    path.write_bytes(whole)
    with pytest.raises(MalformedError, match="passphrase"):
        restored(world, passphrase=Secret(b"another long passphrase"))
    path.unlink()
    with pytest.raises(NotFoundError):
        restored(world)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a/b/c/d/e", "", "a\0", "..", ".", "a//b"])
def test_a_file_that_leads_elsewhere_is_refused(name: str) -> None:
    from ansible_collections.certops.clm.plugins.module_utils.flows._backup_records import data_of

    part = "ledger" if name else "../ledger"
    with pytest.raises(MalformedError):
        data_of(of_file(part, name, 0o600, b"x", False))


def test_a_key_or_chain_of_another_version_is_refused(world: World) -> None:
    found = world.store.load("shop")
    assert found is not None
    good = of_version(found, Secret(KEY_PEM))
    assert version_of(good).key == Secret(KEY_PEM)
    for change in (
        {"spki_sha256": "00" * 32},
        {"sha256": "00" * 32},
        {"chain_pem": "cut"},
        {"key": "x"},
        {"lineage": "../x"},
        {"state": "y"},
        {"meta": 1},
    ):
        with pytest.raises(MalformedError) as caught:
            version_of({**good, **change})
        assert KEY_NEEDLE.decode() not in str(caught.value)


def test_records_survive_any_cut_of_their_bytes() -> None:
    wanted = [{"kind": "file", "n": number, "x": "y" * number * 99} for number in range(50)]
    whole = b"".join(map(pack, wanted))
    assert list(records(whole[at : at + 777] for at in range(0, len(whole), 777))) == wanted
    for broken in (whole[:-1], whole + b"\0", b"\xff\xff\xff\xff"):
        with pytest.raises(MalformedError):
            list(records([broken]))


def test_a_damaged_version_is_named_and_ends_it_unless_it_may_be_left_out(world: World) -> None:
    first = world.store.versions("shop")[0].version
    (world.folder / "store/lineages/shop/versions" / first / "chain.pem").write_text("cut")
    with pytest.raises(ConfigError, match=first):
        backed_up(world)
    assert list(world.folder.parent.glob("*.clm")) == list(world.folder.parent.glob(".*")) == []
    facts = backed_up(world, allow_damaged=True)
    assert facts["versions"] == 3 and first in facts["damaged"][0]


def test_it_never_lies_in_what_it_is_a_backup_of(world: World) -> None:
    manifest = load(str(world.folder / "manifest.yml"))
    (world.folder.parent / "way").symlink_to(world.folder / "store")
    for place in (world.folder / "store" / "all.clm", world.folder / "ledger" / "all.clm", world.folder.parent / "way" / "all.clm"):
        with pytest.raises(ConfigError, match="would lie in"):
            write_backup(str(place), PASS, manifest, world.store, lambda: NOW, local_ca=True, allow_damaged=False, seal=CHEAP)


def test_in_check_mode_all_is_read_and_nothing_written(world: World) -> None:
    assert backed_up(world, check_mode=True)["private_keys"] == 4
    assert not (world.folder.parent / "all.clm").exists()


def test_a_mirrored_encrypted_store_comes_back_in_every_copy(world: World, tmp_path: Path) -> None:
    (tmp_path / "p").touch(0o600)
    (tmp_path / "p").write_text("a passphrase of the second copy")
    second = {"type": "directory", "path": "second", "passphrase_file": str(tmp_path / "p")}
    world.manifest["secret_store"] = {"type": "mirrored", "stores": [{"type": "directory", "path": "store"}, second]}
    world.save()
    (world.folder / "second").mkdir()
    facts = backed_up(world)
    assert facts["private_keys"] == 4
    shutil.rmtree(world.folder / "second")
    shutil.rmtree(world.folder / "store")
    assert len(restored(world)["stores"]) == 2 and not restored(world)["changed"]
    store = open_store(load(str(world.folder / "manifest.yml")).secret_store)
    assert [store.divergences(name) for name in store.lineages()] == [(), (), ()]
    assert all(b"ENCRYPTED" in key.read_bytes() for key in (world.folder / "second").rglob("key.pem"))
    shutil.rmtree(world.folder / "second")
    (world.folder / "second").mkdir()
    assert [Path(one).name for one in restored(world)["stores"]] == ["second"]


def test_a_restore_that_stopped_anywhere_is_ended_by_the_next(world: World) -> None:
    backed_up(world)
    before = tree(world.folder)
    number, done = 0, False
    while not done:
        number += 1
        shutil.rmtree(world.folder, ignore_errors=True)
        count = 0

        def step(_name: str, at: int = number) -> None:
            nonlocal count
            count += 1
            if count == at:
                raise OSError(errno.EIO, "broken", "/disk")

        def opens(options: Mapping[str, Any], say: Callable[[str], None] = step) -> Any:
            store = open_store(options)
            store._step = store._unflushed._step = say
            return store

        try:
            restored(world, opens=opens)
            done = True
        except ClmError:
            assert not (world.folder / "manifest.yml").exists() and not (world.folder / "store" / "lineages").exists()
            restored(world)
        assert tree(world.folder) == before, number
        assert not list(world.folder.rglob(".restoring-*"))
    assert number > 10
