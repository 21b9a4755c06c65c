# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store with encrypted keys is written with its passphrase or not at all, and tells how many keys are still in clear."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Optional

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, Lease
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect_store import inspect_store
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.passphrase import Fetched
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import PEM, SPKI, Clock, issued

RIGHT, WRONG = b"correct horse battery", b"another long passphrase"
FIRST, SECOND = "000001-00000000", "000002-00000000"


def store(folder: Path, passphrase: Optional[bytes]) -> DirectoryStore:
    secret = None if passphrase is None else Secret(passphrase)
    return DirectoryStore(str(folder / "store"), clock=Clock(), owner="test", passphrase=secret)


def add(kept: DirectoryStore, version: str) -> None:
    lease = kept.begin("shop", kept.current("shop"))
    assert isinstance(lease, Lease)
    kept.save(lease, issued("shop", version, key=PEM))
    kept.promote(lease, version)
    kept.end(lease)
    kept.flush()


def tree(folder: Path) -> Dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


@pytest.mark.parametrize("given", [None, WRONG])
@pytest.mark.parametrize("marked", [True, False])
def test_nothing_is_written_without_the_right_passphrase(tmp_path: Path, given: Optional[bytes], marked: bool) -> None:
    add(store(tmp_path, RIGHT), FIRST)
    if not marked:
        (tmp_path / "store/passphrase.check").unlink()
    before = tree(tmp_path)
    with pytest.raises(ConfigError, match="nothing was written") as caught:
        store(tmp_path, given).begin("shop", FIRST)
    assert tree(tmp_path) == before and not list(tmp_path.rglob("lease-*")) and WRONG.decode() not in str(caught.value)
    assert store(tmp_path, None).current("shop") == FIRST, "what is public is read without it"
    add(store(tmp_path, RIGHT), SECOND)


def test_a_store_that_was_in_clear_says_how_many_keys_still_are(tmp_path: Path) -> None:
    add(store(tmp_path, None), FIRST)
    assert inspect_store(store(tmp_path, None))["keys_at_rest"] == {"encrypted": 0, "clear": 1}
    add(store(tmp_path, RIGHT), SECOND)
    info = inspect_store(store(tmp_path, None))
    assert info["keys_at_rest"] == {"encrypted": 1, "clear": 1} and "1 of 2 keys" in info["remarks"][0]
    assert store(tmp_path, RIGHT).key(KeyRef("", "shop", FIRST, SPKI)) == PEM


def test_a_source_that_gives_nothing_is_found_before_anything_is_written(tmp_path: Path) -> None:
    def nothing() -> bytes:
        raise ConfigError("no passphrase today")

    kept = DirectoryStore(str(tmp_path / "store"), clock=Clock(), owner="test", passphrase=Fetched(nothing))
    with pytest.raises(ConfigError, match="today"):
        kept.begin("shop", None)
    assert tree(tmp_path) == {} and not list(tmp_path.rglob("shop"))
