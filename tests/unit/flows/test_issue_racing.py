# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs of the issue flow on one store: one waits, or overtakes what the other judged, and nothing is ever issued twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Union

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Answer, Busy, IssueRequest, Lease
from ansible_collections.certops.clm.plugins.module_utils.flows.issue import converge
from ansible_collections.certops.clm.plugins.module_utils.ledger import NullLedger
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.races import racing
from ansible_collections.certops.clm.tests.unit.flows.issue_world import Slow, World, Wrapped, wanted


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def other(world: World, *items: Any, **given: Any) -> Dict[str, Outcome]:
    """A run of somebody else, whole."""
    how: Dict[str, Any] = {"store": world.store(), "issuer": world.ca, "clock": lambda: world.now, "run_id": "other", **given}
    return converge(items or (wanted(),), ledger=NullLedger(), **how)


class Hooked(DirectoryStore):
    """A store in which somebody else is faster, once: right before this one's lease."""

    def __init__(self, world: World, act: Callable[[], Any]) -> None:
        super().__init__(str(world.folder / "store"), clock=lambda: world.now, owner="slow")
        self._act: Optional[Callable[[], Any]] = act

    def begin(self, lineage: str, expected_current: Optional[str]) -> Union[Lease, Busy]:
        act, self._act = self._act, None
        if act is not None:
            act()
        return super().begin(lineage, expected_current)


def waiting(world: World, act: Callable[[], Any]) -> Any:
    """A pause in which, the first time, something happens; and what was waited for."""
    said: List[str] = []

    def pause(seconds: float, why: str) -> None:
        said.append(why)
        world.days(seconds / 86400)
        if len(said) == 1:
            act()

    return pause, said


@pytest.mark.parametrize(("promote", "message"), [(True, ""), (False, "took version 000001")])
def test_a_lineage_that_somebody_works_on_is_waited_for_and_judged_anew(world: World, promote: bool, message: str) -> None:
    holder = world.store()
    lease = holder.begin("shop", None)
    assert isinstance(lease, Lease)

    def finish() -> None:
        holder.end(lease)
        assert other(world, promote=promote)["shop"].state == "done"

    pause, said = waiting(world, finish)
    outcomes = world.run(wanted(), wanted("blog"), pause=pause, promote=promote)
    assert outcomes["shop"].state == "unchanged" and message in outcomes["shop"].message
    assert outcomes["blog"].state == "done", "it did not wait for its neighbour"
    assert len(said) == 1 and "test has the lineage shop until" in said[0]
    assert world.issued() == 2 and len(world.store().versions("shop")) == 1


def test_without_a_pause_it_fails_at_once_and_names_who_has_it(world: World) -> None:
    world.store().begin("shop", None)
    outcome = world.run(wanted())["shop"]
    assert outcome.state == "failed" and "test has the lineage shop until" in outcome.message and "wait" in outcome.next_action
    assert world.issued() == 0


@pytest.mark.parametrize("promote", [True, False])
@pytest.mark.parametrize("renewed", [False, True])
def test_what_another_run_made_between_judging_and_the_lease_is_not_made_again(world: World, promote: bool, renewed: bool) -> None:
    """Without promoting, `current` says nothing of it: this is why the versions are looked at again."""
    count = 0
    if renewed:
        world.run(wanted())
        world.days(25)
        count = 1
    pause, said = waiting(world, lambda: None)
    store = Hooked(world, lambda: other(world, promote=promote))
    outcome = world.run(wanted(), store=store, pause=pause, promote=promote)["shop"]
    assert outcome.state == "unchanged" and len(said) == 1
    assert world.issued() == len(world.store().versions("shop")) == count + 1


def test_a_pending_version_is_gone_on_with_by_one_of_two(world: World) -> None:
    slow = Slow(world.ca)
    assert world.run(wanted(), issuer=slow)["shop"].state == "pending"
    slow.ready = True
    pause, said = waiting(world, lambda: None)
    store = Hooked(world, lambda: other(world, issuer=slow))
    outcome = world.run(wanted(), issuer=slow, store=store, pause=pause)["shop"]
    assert outcome.state == "unchanged" and slow.begun == 1 and len(said) == 1
    assert world.issued() == len(world.store().versions("shop")) == 1


def test_what_the_ca_told_another_run_meanwhile_is_asked_for_by_its_reference(world: World) -> None:
    """Both found the version of a run that was killed before the CA; the faster one got a reference, the slower one uses it."""
    slow = Slow(world.ca)
    store = world.store()
    killed = Wrapped(world.ca, lambda request: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        world.run(wanted(), issuer=killed)
    assert [one.state for one in store.versions("shop")] == ["pending"]
    outcome = world.run(wanted(), issuer=slow, store=Hooked(world, lambda: other(world, issuer=slow)))["shop"]
    assert outcome.state == "unchanged" and slow.begun == 1
    assert [one.meta["ref"] for one in world.store().versions("shop")] == ["ref-shop"]


def test_a_slow_owner_whose_lease_was_taken_cannot_commit_and_says_so(world: World) -> None:
    """It stands still while the CA answers, longer than its lease; another run goes on with its request."""
    taken: List[Outcome] = []

    def stall(request: IssueRequest) -> Answer:
        answer = world.ca.begin(request)
        world.days(0.01)
        taken.append(other(world)["shop"])
        return answer

    outcome = world.run(wanted(), issuer=Wrapped(world.ca, stall))["shop"]
    assert taken[0].state == "done" and outcome.state == "failed"
    assert "the lease on shop was taken over" in outcome.message and outcome.next_action == "run again"
    store = world.store()
    assert [one.version for one in store.versions("shop")] == [store.current("shop")] and world.issued() == 1
    assert world.run(wanted())["shop"].state == "unchanged"


def test_racing_processes_issue_each_lineage_exactly_once(tmp_path: Path) -> None:
    """Twenty of the two hundred runs; all of them: PYTHONPATH=.cache/dev python tests/races/racing.py."""
    result = racing.race(tmp_path, 20)
    assert result.double == 0 and result.missing == 0 and result.failed == 0, result
    assert result.runs == 20 and result.issued == result.wanted and result.waited > 0 and result.killed > 0, result
