# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate that two lineages have, as a standby and the version that was made of it: while one stays, it is not revoked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, Lease, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.flows.cleanup import Tidied
from ansible_collections.certops.clm.tests.unit.flows.test_cleanup import Estate

STANDBY = "shop.standby"


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """A standby that was renewed once; its first version is also one of `shop`, between the others."""
    made = Estate(tmp_path)
    made.renew(1)
    made.renew(1, STANDBY)
    taken_over(made)
    made.renew(1)
    made.renew(1, STANDBY)
    made.days(20)
    return made


def taken_over(estate: Estate) -> StoredVersion:
    """What the playbook standby does: the standby's version becomes the current one of its lineage."""
    store = estate.store()
    ready = store.load(STANDBY)
    lease = store.begin("shop", store.current("shop"))
    assert ready is not None and isinstance(lease, Lease)
    key = store.key(KeyRef("", STANDBY, ready.version, ready.spki_sha256))
    made = StoredVersion(
        "shop", store.new_version("shop"), "issued", ready.spki_sha256, ready.sha256, ready.chain_pem, ready.csr_pem, key, ready.meta
    )
    store.save(lease, made)
    store.promote(lease, made.version)
    store.end(lease)
    store.flush()
    return made


def test_what_stays_in_another_lineage_is_neither_revoked_nor_dropped(estate: Estate) -> None:
    first, shared, _current = estate.ids()
    standby = estate.ids(STANDBY)[0]
    outcomes = estate.clean(Tidied("shop"))
    assert (outcomes[f"shop/{first}"].state, outcomes[f"shop/{shared}"].state) == ("done", "unchanged")
    kept = outcomes[f"shop/{shared}"]
    assert kept.reason is not None and kept.reason.word == "in_use" and f"also {STANDBY}/{standby}, which stays" in kept.message
    assert list(estate.revoked()) == [estate.serial(first)] and estate.key_there(shared)


def test_the_other_way_round_too(estate: Estate) -> None:
    standby, _newer = estate.ids(STANDBY)
    shared = estate.ids()[1]
    outcomes = estate.clean(Tidied("shop", frozenset({shared})), Tidied(STANDBY))
    assert outcomes[f"{STANDBY}/{standby}"].state == "unchanged" and estate.key_there(standby, STANDBY)
    assert f"also shop/{shared}, which stays" in outcomes[f"{STANDBY}/{standby}"].message


def test_when_both_go_it_is_revoked_once_and_both_keys_are_gone(estate: Estate) -> None:
    shared, standby = estate.ids()[1], estate.ids(STANDBY)[0]
    serial = estate.serial(shared)
    outcomes = estate.clean(Tidied("shop"), Tidied(STANDBY))
    assert {one.state for one in outcomes.values()} == {"done"} and len(outcomes) == 3
    assert estate.revoked()[serial] == "superseded"
    assert not estate.key_there(shared) and not estate.key_there(standby, STANDBY)
    assert estate.clean(Tidied("shop"), Tidied(STANDBY)) == {}
