# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under break glass only what has expired is issued or put back; the rest is refused with the ledger's path, or was good anyway."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils._ledger_options import settle
from ansible_collections.certops.clm.plugins.module_utils._ledger_session import Session
from ansible_collections.certops.clm.plugins.module_utils.flows import guarded
from ansible_collections.certops.clm.plugins.module_utils.flows.issue import Wanted
from ansible_collections.certops.clm.plugins.module_utils.flows.lineage_version import Wish
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.tests.support.world import NOW, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """`old` has expired, `young` has not, `none` has no version."""
    made = World(tmp_path)
    for lineage, age in (("old", 100), ("young", 1)):
        made.version(lineage, made.authority.chain(f"{lineage}.example", age=200, days=400))
        made.version(lineage, made.authority.chain(f"{lineage}.example", age=age))
    return made


def session(world: World, shut: bool) -> Session:
    if shut:
        (world.folder / "ledger").write_text("")
    given = {"path": str(world.folder / "ledger"), "writer_id": "w1", "break_glass": "disk full"}
    return Session(settle(given, {"path": str(world.folder / "store")}), lambda: NOW)


def flow(state: str) -> Any:
    """Stands in for the issue flow: says what it was given, and in check mode what it would do."""

    def converge(items: List[Any], *, ledger: Any, check_mode: bool = False, **how: Any) -> Any:
        ledger.append([{"action": "outcome", "lineage": item.lineage} for item in items])
        return {item.id: Outcome("planned" if check_mode and state == "done" else state, "issue") for item in items}

    return converge


def wanted(*names: str) -> List[Any]:
    return [Wanted(name, name, (f"{name}.example",), None) for name in names]  # type: ignore[arg-type]


def converge(world: World, ledger: Session, state: str = "done", expired: Any = ()) -> Any:
    items = wanted("young", "old", "none")
    how = {"store": world.store, "clock": lambda: NOW}
    return guarded._guarded(flow(state), "issue", items, ledger, expired, how)


def test_only_the_expired_one_is_issued(world: World) -> None:
    ledger = session(world, shut=True)
    found = converge(world, ledger)
    ledger.close()
    assert list(found) == ["young", "old", "none"] and [one.state for one in found.values()] == ["failed", "done", "failed"]
    assert str(world.folder / "ledger") in found["young"].message and "valid until" in found["young"].message
    assert "nothing has expired" in found["none"].message
    spooled = (world.folder / "store.ledger-spool" / "w1.jsonl").read_text()
    assert '"old"' in spooled and "young" not in spooled and "none" not in spooled


def test_what_nobody_would_change_stays_good_and_what_the_caller_saw_expired_goes_through(world: World) -> None:
    ledger = session(world, shut=True)
    assert {one.state for one in converge(world, ledger, "unchanged").values()} == {"unchanged"}
    assert [one.state for one in converge(world, ledger, expired=["none"]).values()] == ["failed", "done", "done"]


def test_what_is_compromised_or_revoked_is_issued_too(world: World) -> None:
    ledger = session(world, shut=True)
    current = world.store.load("young")
    for said, state in (((), "failed"), ((current.sha256,), "done"), (("other",), "failed"), (True, "done")):
        for name in ("compromised", "revoked"):
            items = [replace(wanted("young")[0], **{name: said or False})]
            found = guarded._guarded(flow("done"), "issue", items, ledger, (), {"store": world.store, "clock": lambda: NOW})
            assert found["young"].state == state, (name, said)


def test_with_a_ledger_everything_goes_through(world: World) -> None:
    ledger = session(world, shut=False)
    assert {one.state for one in converge(world, ledger).values()} == {"done"}


def test_a_way_back_needs_an_expired_current_version_too(world: World) -> None:
    ledger = session(world, shut=True)
    before = world.store.current("young")
    wishes = [Wish("young", "young"), Wish("old", "old")]
    found = guarded.choose(wishes, store=world.store, ledger=ledger, clock=lambda: NOW, run_id="r1")
    assert [one.state for one in found.values()] == ["failed", "done"]
    assert (
        world.store.current("young") == before
        and world.store.current(
            "old",
        )
        < "000002"
    )
