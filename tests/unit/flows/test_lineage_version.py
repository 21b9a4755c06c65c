# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going back to a version: which one is taken, what is refused, and that a second run changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Dict, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils import ledger as ledgers
from ansible_collections.certops.clm.plugins.module_utils.contracts import Lease
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect_store import inspect_store
from ansible_collections.certops.clm.plugins.module_utils.flows.lineage_version import Wish, choose
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.support.world import KEY_PEM, NOW, World


class Kept:
    """A world with one lineage `shop`: versions 1 expired, 2 good, 3 good and current."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        chain = self.world.authority.chain
        self.ids = [self.world.version("shop", chain("shop.example", age=age, days=days)) for age, days in ((100, 90), (30, 90), (1, 90))]
        self.world.store.flush()
        self.store = self.world.store
        self.folder = str(folder / "ledger")

    def choose(self, *wishes: Wish, check_mode: bool = False, **more: Any) -> Dict[str, Outcome]:
        if check_mode:
            return choose(wishes, store=self.store, ledger=ledgers.NullLedger(), clock=lambda: NOW, run_id="r1", check_mode=True)
        with ledgers.Ledger(self.folder, "w1", lambda: NOW) as ledger:
            return choose(wishes, store=self.store, ledger=ledger, clock=lambda: NOW, run_id="r1", **more)

    def one(self, **wish: Any) -> Outcome:
        return self.choose(Wish("shop", "shop", **wish))["shop"]

    def events(self) -> List[Dict[str, Any]]:
        return list(ledgers.read(self.folder))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_the_previous_version_comes_back_and_stays(kept: Kept) -> None:
    first, second = kept.one(), kept.one()
    assert first.state == "done" and (first.before["version"], first.after["version"]) == (kept.ids[2], kept.ids[1])
    assert kept.store.current("shop") == kept.ids[1] and second.state == "unchanged"
    assert [(one["action"], one["step"], one["version"]) for one in kept.events()] == [
        ("intent", "promote", kept.ids[1]),
        ("outcome", "promote", kept.ids[1]),
    ]
    assert kept.store.load("shop", kept.ids[2]).state == "proven"


def test_a_version_that_was_left_is_no_previous_one_later(kept: Kept) -> None:
    kept.one()
    fourth = kept.world.version("shop", kept.world.authority.chain("shop.example", age=0))
    kept.store.flush()
    assert kept.store.current("shop") == fourth
    assert kept.one().after["version"] == kept.ids[1]


def test_a_named_version_is_taken_also_forward_again(kept: Kept) -> None:
    kept.one()
    outcome = kept.one(version=kept.ids[2])
    assert outcome.state == "done" and kept.store.current("shop") == kept.ids[2]
    assert "left_for" not in kept.store.load("shop").meta and kept.one(version=kept.ids[2]).state == "unchanged"
    assert kept.one().after["version"] == kept.ids[1]


def test_with_reject_the_newer_one_is_never_taken_again(kept: Kept) -> None:
    kept.one(reject=True)
    assert kept.store.load("shop", kept.ids[2]).state == "rejected"
    refused = kept.one(version=kept.ids[2])
    assert refused.state == "failed" and "rejected" in refused.message and refused.next_action
    assert kept.one(version=kept.ids[2], forced="it was the server's fault").state == "done"
    taken = kept.store.load("shop")
    assert (taken.state, taken.meta["forced"]) == ("issued", "it was the server's fault")
    assert "it was the server's fault" in kept.events()[-1]["message"]


@pytest.mark.parametrize("dead", [False, True])
def test_what_must_not_be_served_is_refused_unless_forced(kept: Kept, dead: bool) -> None:
    version = kept.ids[1 if dead else 0]
    wish: Dict[str, Any] = {"version": version, "dead": (kept.store.load("shop", version).sha256,) if dead else ()}
    outcome = kept.one(**wish)
    assert outcome.state == "failed" and ("compromised" if dead else "expired") in outcome.message
    assert kept.store.current("shop") == kept.ids[2] and kept.events() == []
    assert kept.one(**wish, forced="an old client").state == "done" and kept.store.current("shop") == version


def test_check_mode_says_what_would_be_and_writes_nothing(kept: Kept) -> None:
    before = sorted(str(path) for path in kept.world.folder.rglob("*"))
    outcome = kept.choose(Wish("x", "shop"), check_mode=True)["x"]
    assert outcome.state == "planned" and outcome.after["version"] == kept.ids[1] and outcome.after["names"] == ["shop.example"]
    assert sorted(str(path) for path in kept.world.folder.rglob("*")) == before


def test_one_wrong_wish_loses_no_neighbour(kept: Kept) -> None:
    lease = kept.store.begin("held", None)
    assert isinstance(lease, Lease)
    chains = [kept.world.authority.chain("api.example", age=age) for age in (9, 1)]
    for chain in chains:
        kept.world.version("api", chain)
    kept.store.flush()
    outcomes = kept.choose(
        Wish("a", "none"), Wish("b", "../x"), Wish("c", "shop", "000009-00000000"), Wish("d", "api"), Wish("e", "held", kept.ids[0])
    )
    assert {item: one.state for item, one in outcomes.items()} == {"a": "failed", "b": "failed", "c": "failed", "d": "done", "e": "failed"}
    assert kept.ids[0] in outcomes["c"].next_action and all(one.message for one in outcomes.values() if one.state == "failed")


def test_a_lineage_that_somebody_has_is_busy(kept: Kept) -> None:
    lease = kept.store.begin("shop", kept.ids[2])
    outcome = kept.one()
    assert outcome.state == "failed" and "has the lineage" in outcome.message and kept.events() == []
    kept.store.end(lease)
    assert kept.one().state == "done"


def test_a_lineage_that_somebody_has_is_waited_for_in_the_order_of_names(kept: Kept) -> None:
    """Two runs that want the same lineages in another order would else wait for each other."""
    kept.world.version("api", kept.world.authority.chain("api.example"), promote=False)
    kept.store.flush()
    other = World(kept.world.folder).store
    lease = other.begin("shop", kept.ids[2])
    assert isinstance(lease, Lease)
    held: List[str] = []

    def pause(seconds: float, why: str) -> None:
        held.extend(path.parent.name for path in Path(kept.store.path).glob("lineages/*/lease-*"))
        other.end(lease)

    api = kept.store.versions("api")[0].version
    outcomes = kept.choose(Wish("s", "shop"), Wish("a", "api", api), pause=pause)
    assert {one.state for one in outcomes.values()} == {"done"} and sorted(held) == ["api", "shop"]


@pytest.mark.parametrize("state", ["issued", "proven"])
def test_a_standby_that_was_never_deployed_is_no_previous_version(kept: Kept, state: str) -> None:
    copy = kept.world.version("shop", kept.world.authority.chain("shop.example"), state=state, promote=False, standby="shop.standby/1")
    kept.world.version("shop", kept.world.authority.chain("shop.example"))
    assert kept.one().after["version"] == (copy if state == "proven" else kept.ids[2])


def test_a_revoked_version_is_never_taken_by_itself(kept: Kept) -> None:
    revoked = kept.world.version("shop", kept.world.authority.chain("shop.example"), revoked={"reason": "superseded"})
    kept.world.version("shop", kept.world.authority.chain("shop.example"))
    for wish in ({}, {"version": revoked}):
        outcome = kept.one(**wish)
        assert outcome.state == "failed" and "it was revoked" in outcome.message and "certops.clm.rotate" in outcome.next_action
    assert kept.events() == []


@pytest.mark.parametrize(("state", "meta", "said"), [("dropped", {}, "is dropped"), ("proven", {"revoked": {"by": "ca"}}, "was revoked")])
def test_what_another_run_made_of_the_version_meanwhile_counts(kept: Kept, state: str, meta: Dict[str, Any], said: str) -> None:
    """A cleanup has the lineage, and destroys the key of the version that is to come back."""
    other = World(kept.world.folder).store
    lease = other.begin("shop", kept.ids[2])
    assert isinstance(lease, Lease)

    def pause(seconds: float, why: str) -> None:
        old = other.load("shop", kept.ids[1])
        assert old is not None
        other.save(lease, replace(old, state=state, meta={**old.meta, **meta}))
        other.flush()
        other.end(lease)

    outcome = kept.choose(Wish("shop", "shop"), pause=pause)["shop"]
    assert outcome.state == "failed" and said in outcome.message and kept.store.current("shop") == kept.ids[2]
    assert World(kept.world.folder).store.load("shop", kept.ids[1]).state == state


def test_a_lineage_that_is_taken_over_before_it_is_durable_costs_no_neighbour(kept: Kept) -> None:
    for age in (9, 1):
        kept.world.version("api", kept.world.authority.chain("api.example", age=age))
    kept.store.flush()
    now = [NOW]
    told: List[str] = []

    def step(name: str) -> None:
        told.append(name)
        if told.count("sync") == 1 and name == "sync":
            now[0] += timedelta(hours=1)  # the leases have expired by then
            other = DirectoryStore(kept.store.path, clock=lambda: now[0], owner="other")
            assert isinstance(other.begin("shop", kept.ids[2]), Lease)

    kept.store = DirectoryStore(kept.store.path, clock=lambda: now[0], owner="tests", step=step)
    outcomes = kept.choose(Wish("s", "shop"), Wish("a", "api"))
    assert (outcomes["s"].state, outcomes["a"].state) == ("failed", "done") and "taken over" in outcomes["s"].message
    assert kept.store.current("shop") == kept.ids[2] and kept.store.current("api") == outcomes["a"].after["version"]


def test_the_list_says_everything_but_keys(kept: Kept) -> None:
    kept.world.version("bad", kept.world.authority.chain("bad.example"))
    kept.store.flush()
    version = kept.store.current("bad")
    (Path(kept.store.path) / "lineages/bad/versions" / str(version) / "chain.pem").write_text("cut")
    fresh = World(kept.world.folder).store
    found = inspect_store(fresh)
    assert found["damaged"] == ["bad"] and "chain.pem" in found["lineages"]["bad"]["versions"][0]["malformed"]
    shop = found["lineages"]["shop"]
    assert shop["current"] == kept.ids[2] and [one["state"] for one in shop["versions"]] == ["proven"] * 3
    assert shop["versions"][2]["names"] == ["shop.example"] and shop["versions"][2]["not_after"]
    assert KEY_PEM.decode()[40:80] not in repr(found)
    assert list(inspect_store(fresh, ["shop"])["lineages"]) == ["shop"]
    assert inspect_store(fresh, ["../x"])["damaged"] == ["../x"]
    assert found["remarks"] == inspect_store(fresh, ["shop"])["remarks"] == []
    assert inspect_store(fresh, ["shpo", "shop"])["remarks"] == [f"no version of shpo is kept in {fresh.identity()}"]
    (kept.world.folder / "elsewhere").mkdir()
    unmounted = World(kept.world.folder / "elsewhere").store
    (remark,) = inspect_store(unmounted)["remarks"]
    assert remark == f"nothing is kept in {unmounted.identity()}: it is new, lies elsewhere, or is not mounted"
