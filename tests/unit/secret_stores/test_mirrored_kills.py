# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that writes to two copies is killed before every single step of either; the next run ends what it began."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Callable, List

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, Lease
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._mirrored_places import Place
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.mirrored import MirroredStore
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import OTHER, PEM, SPKI, issued, pending
from ansible_collections.certops.clm.tests.unit.secret_stores.test_directory_kills import AFTER, a_clock, killed_at

NEW_PEM, NEW_SPKI, NEW_SHA = keys.to_pem(OTHER), keys.spki_sha256(OTHER), "7a" * 32
FIRST = "000001-00000000"


def one(folder: Path, name: str, step: Callable[[str], None] = lambda name: None, minutes: float = 0) -> DirectoryStore:
    return DirectoryStore(str(folder / name), clock=a_clock(minutes), owner="test", step=step)


def both(folder: Path, step: Callable[[str], None] = lambda name: None, minutes: float = 0) -> MirroredStore:
    stores = [one(folder, name, lambda told, name=name: step(f"{name} {told}"), minutes) for name in ("a", "b")]  # type: ignore[misc]
    return MirroredStore([Place(store, store.path) for store in stores])


def first_version(folder: Path) -> None:
    store = both(folder)
    lease = store.begin("shop", None)
    assert isinstance(lease, Lease)
    store.save(lease, issued("shop", FIRST, state="proven", key=PEM))
    store.promote(lease, FIRST)
    store.end(lease)
    store.flush()


def renew(folder: Path, step: Callable[[str], None], minutes: float = 0) -> None:
    """What the issue flow does; goes on where an earlier run stopped."""
    store = both(folder, step, minutes)
    lease = store.begin("shop", store.current("shop"))
    assert isinstance(lease, Lease), lease
    known = [version for version in store.versions("shop") if version.spki_sha256 == NEW_SPKI]
    version = known[0].version if known else store.new_version("shop")
    if not known:
        store.save(lease, pending("shop", version, spki_sha256=NEW_SPKI, key=NEW_PEM))
    store.flush()
    (folder / "csr").write_text(version)
    step("the CSR left")
    store.save(lease, issued("shop", version, spki_sha256=NEW_SPKI, sha256=NEW_SHA))
    store.promote(lease, version)
    store.end(lease)
    store.flush()


def check(folder: Path, where: str) -> None:
    """Read only, as the inventory does; then each copy alone, as if the other one were lost."""
    store = both(folder)
    current = store.load("shop")
    assert current is not None and current.chain_pem, where
    store.key(KeyRef("", "shop", current.version, current.spki_sha256))
    for copy in (one(folder, "a"), one(folder, "b")):
        assert copy.current("shop") is not None and not [v for v in copy.versions("shop") if v.meta.get("malformed")], where
        if (folder / "csr").exists():  # a key is durable in every copy before its CSR leaves
            assert copy.key(KeyRef("", "shop", (folder / "csr").read_text(), NEW_SPKI)) == NEW_PEM, where
        found = copy.load("shop")
        assert found is not None and copy.key(KeyRef("", "shop", found.version, found.spki_sha256)), where
    newest = one(folder, "b").load("shop")
    if newest is not None and newest.spki_sha256 == NEW_SPKI:  # the first copy is never behind
        assert current.spki_sha256 == NEW_SPKI, where


def test_kill_before_every_step_of_either_copy(tmp_path: Path) -> None:
    steps: List[str] = []
    ahead = 0
    while True:
        folder = tmp_path / str(len(steps))
        folder.mkdir()
        first_version(folder)
        name = killed_at(len(steps) + 1, partial(renew, folder))
        check(folder, f"killed at step {len(steps) + 1} ({name})")
        ahead += bool(both(folder).divergences("shop"))
        assert killed_at(0, partial(renew, folder, minutes=AFTER)) == ""
        store = both(folder)
        assert store.divergences("shop") == (), name
        assert [one.spki_sha256 for one in store.versions("shop")] == [SPKI, NEW_SPKI], name
        assert one(folder, "a").load("shop") == one(folder, "b").load("shop"), name
        for copy in (one(folder, "a"), one(folder, "b")):
            assert [copy.key(KeyRef("", "shop", v.version, v.spki_sha256)) for v in copy.versions("shop")] == [PEM, NEW_PEM], name
        assert store.current("shop") == store.versions("shop")[1].version and not list(folder.rglob(".*")), name
        if not name:
            break
        steps.append(name)
    assert {"a swap over", "b swap over", "b sync", "a rename", "b key.pem"} <= set(steps) and len(steps) > 30
    assert ahead > 5, "some kills leave the copies apart, or this test shows nothing"
