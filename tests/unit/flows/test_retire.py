# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a lineage: revoked, archived or destroyed, marked, never issued again until that is lifted, and whole after any kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Lease
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows._ending import Revokers
from ansible_collections.certops.clm.plugins.module_utils.flows.lineage_version import Wish, choose
from ansible_collections.certops.clm.plugins.module_utils.flows.retire import Ending, lift, retire, retirement
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger, NullLedger
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.tests.unit.flows.issue_world import wanted
from ansible_collections.certops.clm.tests.unit.flows.test_cleanup import Estate
from ansible_collections.certops.clm.tests.unit.secret_stores.test_directory_kills import killed_at


class Ends(Estate):
    """The estate with an end."""

    def end(
        self, key: str = "archive", *, store: Any = None, check_mode: bool = False, revokers: Any = None, pause: Any = None, **more: Any
    ) -> Outcome:
        with Ledger(str(self.folder / "ledger"), "writer", lambda: self.now) as real:
            how = {"revokers": revokers or Revokers([self.ca]), "ledger": NullLedger() if check_mode else real, "clock": lambda: self.now}
            ending = Ending("shop", key=key, labels={"owner": "team-web"}, **more)
            return retire(ending, store=store or self.store(), run_id="e1", check_mode=check_mode, pause=pause, **how)

    def lift(self) -> Outcome:
        with Ledger(str(self.folder / "ledger"), "writer", lambda: self.now) as ledger:
            return lift("shop", store=self.store(), ledger=ledger, clock=lambda: self.now, run_id="l1")


@pytest.fixture
def estate(tmp_path: Path) -> Ends:
    made = Ends(tmp_path)
    made.renew(2)
    return made


@pytest.mark.parametrize(("key", "left"), [("archive", [True, True]), ("destroy", [False, False])])
def test_a_lineage_ends(estate: Ends, key: str, left: List[bool]) -> None:
    outcome = estate.end(key)
    assert outcome.state == "done" and estate.states() == ["retired", "retired"], outcome
    assert [estate.key_there(one) for one in estate.ids()] == left
    assert estate.revoked() == {estate.serial(one): "cessationOfOperation" for one in estate.ids()}
    facts = retirement(estate.store().versions("shop"))
    assert facts and facts["key"] == outcome.after["key"] and bool(facts.get("destroyed_at")) == (key == "destroy")
    last = [one for one in estate.events() if one["step"] == "retire"]
    assert [one["action"] for one in last] == ["intent", "intent", "outcome", "outcome"] and last[-1]["owner"] == "team-web"
    assert all(one.spki_sha256 in row for one, row in zip(estate.store().versions("shop"), last[-1]["evidence"]))
    before = len(estate.events())
    again = estate.end(key)
    assert again.state == "unchanged" and len(estate.events()) == before and "out of the manifest" in again.next_action


def test_what_was_archived_can_be_destroyed_later(estate: Ends) -> None:
    estate.end("archive")
    assert estate.end("destroy").state == "done" and [estate.key_there(one) for one in estate.ids()] == [False, False]
    assert estate.end("destroy").state == "unchanged" and estate.end("archive").state == "unchanged"


def test_what_cleanup_dropped_before_stays_dropped(estate: Ends) -> None:
    estate.renew()
    estate.days(20)
    estate.clean()
    assert estate.states() == ["dropped", "dropped", "issued"]
    assert estate.end().state == "done" and estate.states() == ["dropped", "dropped", "retired"]
    assert sorted(estate.revoked().values()) == ["cessationOfOperation", "superseded", "superseded"]


def test_a_newest_version_that_was_dropped_carries_the_mark(estate: Ends) -> None:
    """What was left by a rollback and dropped later is newer than the current one."""
    with Ledger(str(estate.folder / "ledger"), "writer", lambda: estate.now) as ledger:
        choose([Wish("shop", "shop", reject=True)], store=estate.store(), ledger=ledger, clock=lambda: estate.now, run_id="b1")
    estate.days(20)
    estate.clean()
    assert estate.states() == ["issued", "dropped"]
    assert estate.end().state == "done" and estate.states() == ["retired", "retired"]
    assert retirement(estate.store().versions("shop")) is not None


def test_it_is_never_issued_or_chosen_again_until_that_is_lifted(estate: Ends) -> None:
    estate.end("archive")
    refused = estate.run(wanted(forced="again"))["shop"]
    assert refused.state == "failed" and "was retired" in refused.message and "lifted" in refused.next_action
    with Ledger(str(estate.folder / "ledger"), "writer", lambda: estate.now) as ledger:
        wish = Wish("shop", "shop", version=estate.ids()[0], forced="really")
        chosen = choose([wish], store=estate.store(), ledger=ledger, clock=lambda: estate.now, run_id="b1")["shop"]
    assert chosen.state == "failed" and "never served again" in chosen.message
    assert estate.lift().state == "done" and estate.states() == ["rejected", "rejected"] and estate.lift().state == "unchanged"
    assert estate.run(wanted())["shop"].state == "done" and estate.states() == ["rejected", "rejected", "issued"]


def test_a_destroyed_lineage_can_begin_anew(estate: Ends) -> None:
    estate.end("destroy")
    estate.lift()
    assert estate.states() == ["dropped", "dropped"]
    assert estate.run(wanted())["shop"].state == "done" and estate.states()[-1] == "issued"


def test_check_mode_plans_and_writes_nothing(estate: Ends) -> None:
    outcome = estate.end("destroy", check_mode=True)
    assert outcome.state == "planned" and {one["state"] for one in outcome.after["versions"]} == {"retired"}
    assert estate.states() == ["issued", "issued"] and not (estate.folder / "ca" / "revoked.jsonl").exists()


def test_a_ca_that_is_down_stops_it_before_any_key(estate: Ends) -> None:
    class Down:
        def identity(self) -> str:
            return estate.ca.identity()

        def begin(self, request: Any) -> Any:
            raise AssertionError

        resume = begin

        def revoke(self, certificate_pem: str, reason: str) -> None:
            raise ClmError("the CA is down")

    outcome = estate.end("destroy", revokers=Revokers([Down()]))
    assert outcome.state == "failed" and "the CA is down" in outcome.message and "again" in outcome.next_action
    assert [estate.key_there(one) for one in estate.ids()] == [True, True] and estate.states() == ["issued", "issued"]
    assert estate.end("destroy").state == "done"


def test_one_that_is_busy_or_unknown_or_wrong(estate: Ends) -> None:
    store = estate.store()
    lease = store.begin("shop", store.current("shop"))
    assert isinstance(lease, Lease) and estate.end().state == "failed"
    store.end(lease)
    assert estate.end("burn").state == "failed" and estate.states() == ["issued", "issued"]


@pytest.mark.parametrize("moved", [False, True])
def test_one_that_is_busy_is_waited_for_and_not_ended_when_it_moved_on(estate: Ends, moved: bool) -> None:
    """A version that another run made meanwhile would else carry no mark, and the lineage would go on."""
    other = estate.store()
    lease = other.begin("shop", other.current("shop"))
    assert isinstance(lease, Lease)

    def pause(seconds: float, why: str) -> None:
        if moved:
            version = other.new_version("shop")
            other.save(lease, replace(other.versions("shop")[0], version=version))
        other.end(lease)
        other.flush()

    outcome = estate.end(pause=pause)
    if not moved:
        assert outcome.state == "done" and estate.states() == ["retired", "retired"]
        return
    assert outcome.state == "failed" and "another run has worked on shop" in outcome.message
    assert estate.states() == ["issued"] * 3 and estate.end().state == "done"


def test_a_compromised_key_is_revoked_as_such(estate: Ends) -> None:
    first = estate.store().versions("shop")[0]
    estate.end(compromised=(first.sha256,))
    assert sorted(estate.revoked().values()) == ["cessationOfOperation", "keyCompromise"]


@pytest.mark.parametrize("key", ["archive", "destroy"])
def test_killed_at_every_step(tmp_path: Path, key: str) -> None:
    steps: List[str] = []
    while True:
        folder = tmp_path / str(len(steps))
        folder.mkdir()
        estate = Ends(folder)
        estate.renew(2)

        def work(step: Callable[[str], None], estate: Ends = estate) -> None:
            assert estate.end(key, store=estate.store(step=step)).state == "done"

        name = killed_at(len(steps) + 1, work)
        estate.days(0.01)  # the lease of the dead one ends by time
        versions = estate.store().versions("shop")
        assert not [one for one in versions if one.meta.get("malformed")], name
        if retirement(versions) is not None:
            assert all(one.state == "retired" for one in versions), name
        assert estate.end(key).state in ("done", "unchanged"), name
        assert estate.states() == ["retired", "retired"] and len(estate.revoked()) == 2, name
        assert [estate.store().holds_key("shop", one) for one in estate.ids()] == [key == "archive"] * 2, name
        assert estate.end(key).state == "unchanged", name
        if not name:
            break
        steps.append(name)
    assert len(steps) >= 4
