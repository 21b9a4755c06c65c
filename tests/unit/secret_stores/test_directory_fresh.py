# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `directory` looks for no versions in a lineage that it has just made, and only there."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.certops.clm.plugins.module_utils.contracts import Busy, Lease
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import PEM, Clock, issued, pending


def a_store(folder: Path, clock: Clock) -> DirectoryStore:
    return DirectoryStore(str(folder / "store"), clock=clock, owner="test", lease_seconds=60)


def test_a_new_lineage_that_somebody_took_over_is_looked_at_again(tmp_path: Path) -> None:
    clock = Clock()
    late, other = a_store(tmp_path, clock), a_store(tmp_path, clock)
    assert isinstance(late.begin("shop", None), Lease)
    clock.go(seconds=60)
    lease = other.begin("shop", None)
    assert isinstance(lease, Lease) and lease.fence == 2
    version = other.new_version("shop")
    other.save(lease, issued("shop", version, key=PEM))
    other.promote(lease, version)
    other.flush()
    other.end(lease)
    assert isinstance(late.begin("shop", None), Busy)
    again = late.begin("shop", version)
    assert isinstance(again, Lease) and late.new_version("shop").startswith("000002-")


def test_a_second_version_of_a_new_lineage_follows_the_first(tmp_path: Path) -> None:
    store = a_store(tmp_path, Clock())
    lease = store.begin("shop", None)
    assert isinstance(lease, Lease)
    for number in ("000001-", "000002-"):
        version = store.new_version("shop")
        assert version.startswith(number)
        store.save(lease, pending("shop", version, csr_pem="a request"))
        store.flush()
    store.end(lease)
    (first, second) = a_store(tmp_path, Clock()).versions("shop")
    assert (first.csr_pem, second.csr_pem) == ("a request", "a request")


def test_the_request_is_in_the_facts_of_the_version(tmp_path: Path) -> None:
    store = a_store(tmp_path, Clock())
    lease = store.begin("shop", None)
    assert isinstance(lease, Lease)
    version = store.new_version("shop")
    store.save(lease, pending("shop", version, csr_pem="a request"))
    store.flush()
    store.save(lease, issued("shop", version))
    store.flush()
    folder = tmp_path / "store/lineages/shop/versions" / version
    assert sorted(path.name for path in folder.iterdir()) == ["chain.pem", "key.pem", "pending.json", "version.json"]
    assert {json.loads((folder / name).read_bytes())["request"] for name in ("pending.json", "version.json")} == {"a request"}
    found = store.load("shop", version)
    assert found is not None and found.csr_pem == "a request"
