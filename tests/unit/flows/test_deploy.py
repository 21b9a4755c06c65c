# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploy flow on a target that is no server: the same transaction, whatever the place is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Deployed, Proof, Version
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge, restore

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)
OLD, NEW = "a" * 64, "b" * 64


class Cloud:
    """A place by name that serves what is bound, unless `answers` says otherwise for a SHA-256."""

    replaces_in_place = False

    def __init__(self, bound: Optional[str] = OLD, *, not_after: Optional[datetime] = None, ref: str = "old-ref") -> None:
        self.bound: Dict[str, Any] = {"x": bound and Deployed(bound, ref, not_after=not_after or NOW + timedelta(days=3))}
        self.answers: Dict[str, str] = {}
        self.raises: Dict[str, Exception] = {}
        self.calls: List[Tuple[str, str]] = []
        self.kept = {ref: bound}

    def _do(self, what: str, detail: str = "") -> None:
        self.calls.append((what, detail))
        if what in self.raises:
            raise self.raises[what]

    def read(self, where: Any) -> Optional[Deployed]:
        self._do("read")
        return self.bound.get(where["name"])

    def put(self, where: Any, version: Version) -> str:
        self._do("put")
        self.kept[f"ref-{version.sha256}"] = version.sha256
        return f"ref-{version.sha256}"

    def bind(self, where: Any, ref: str) -> None:
        self._do("bind", ref)
        self.bound[where["name"]] = Deployed(str(self.kept[ref]), ref)

    def prove(self, where: Any, sha256: str) -> Proof:
        bound = self.bound.get(where["name"])
        answer = self.answers.get(sha256, SERVED if bound and bound.sha256 == sha256 else NOT_SERVED)
        return Proof(answer, bound.sha256 if bound else "", "as it is")


def deploy(cloud: Cloud, check_mode: bool = False, **more: Any) -> Any:
    item = Item("x", {"name": "x"}, Version(NEW, "", "c" * 64), **more)
    return converge([item], target=cloud, clock=lambda: NOW, check_mode=check_mode)["x"]


def test_done_and_then_unchanged() -> None:
    cloud = Cloud()
    outcome = deploy(cloud)
    assert (outcome.state, outcome.before["sha256"], outcome.after["sha256"]) == ("done", OLD, NEW)
    cloud.calls.clear()
    assert deploy(cloud).state == "unchanged" and cloud.calls == [("read", "")]


def test_check_mode_only_reads() -> None:
    cloud = Cloud()
    assert deploy(cloud, check_mode=True).state == "planned" and cloud.calls == [("read", "")]


def test_not_served_is_put_back_and_proven() -> None:
    cloud = Cloud()
    cloud.answers[NEW] = NOT_SERVED
    outcome = deploy(cloud)
    assert outcome.state == "rolled_back" and cloud.bound["x"].sha256 == OLD and outcome.after["sha256"] == OLD


def test_could_not_look_puts_nothing_back() -> None:
    cloud = Cloud()
    cloud.answers[NEW] = COULD_NOT_LOOK
    assert deploy(cloud).state == "unproven" and cloud.bound["x"].sha256 == NEW


@pytest.mark.parametrize("dead", ["expired", "listed", "none"])
def test_what_is_dead_or_never_was_is_not_put_back(dead: str) -> None:
    cloud = Cloud(None if dead == "none" else OLD, not_after=NOW if dead == "expired" else None)
    cloud.answers[NEW] = NOT_SERVED
    outcome = deploy(cloud, dead=frozenset([OLD] if dead == "listed" else []))
    assert outcome.state == "failed" and cloud.bound["x"].sha256 == NEW and NEW in outcome.message and outcome.next_action
    assert dead == "none" or OLD in outcome.message


def test_an_old_one_that_does_not_come_back_is_a_failure_with_both() -> None:
    cloud = Cloud()
    cloud.answers.update({NEW: NOT_SERVED, OLD: NOT_SERVED})
    outcome = deploy(cloud)
    assert outcome.state == "failed" and OLD in outcome.message and NEW in outcome.message


@pytest.mark.parametrize("step", ["read", "put"])
@pytest.mark.parametrize("error", [ClmError("no", hint="do"), OSError(28, "No space left on device", "/x")])
def test_an_error_before_the_bind_changes_nothing(step: str, error: Exception) -> None:
    cloud = Cloud()
    cloud.raises[step] = error
    outcome = deploy(cloud)
    assert outcome.state == "failed" and outcome.step == step and "nothing was changed" in outcome.message
    assert cloud.bound["x"].sha256 == OLD


def test_an_error_of_the_bind_is_judged_by_what_is_served() -> None:
    cloud = Cloud()
    cloud.raises["bind"] = ClmError("timed out")
    outcome = deploy(cloud)
    assert outcome.state == "rolled_back" and "timed out" in outcome.message


def test_without_a_way_back_nothing_is_written_unless_allowed() -> None:
    cloud = Cloud(ref="")
    assert deploy(cloud).state == "failed" and cloud.calls == [("read", "")]
    assert deploy(cloud, allow_no_rollback=True).state == "done"


def test_neighbours_keep_their_outcomes_and_their_order() -> None:
    class Picky(Cloud):
        def put(self, where: Any, version: Version) -> str:
            if where["name"] == "b":
                raise ClmError("not this one")
            return super().put(where, version)

    items = [Item(name, {"name": name}, Version(NEW, "", "")) for name in ("c", "b", "a")]
    outcomes = converge(items, target=Picky(), clock=lambda: NOW)
    assert [(name, outcome.state) for name, outcome in outcomes.items()] == [("c", "done"), ("b", "failed"), ("a", "done")]


def test_a_target_that_keeps_nothing_cannot_restore() -> None:
    with pytest.raises(ConfigError):
        restore([Item("x", {"name": "x"}, Version("", "", ""))], target=Cloud(), clock=lambda: NOW)


def test_the_same_leaf_proves_nothing_when_the_bind_had_trouble() -> None:
    """An incomplete chain: the leaf was served before, and is served whatever the bind did."""

    class Chained(Cloud):
        def holds(self, where: Any, version: Version) -> bool:
            return self.bound[where["name"]].ref == f"ref-{version.sha256}"

        def bind(self, where: Any, ref: str) -> None:
            super()._do("bind", ref)
            self.bound[where["name"]] = Deployed(str(self.kept[ref]), ref)
            if ref != "old-ref":
                raise ClmError("the reload failed")

    cloud = Chained(NEW)
    outcome = deploy(cloud)
    assert (outcome.state, outcome.reason.word) == ("rolled_back", "incomplete_chain") and "the reload failed" in outcome.message
    assert cloud.bound["x"].ref == "old-ref"
    cloud = Chained(NEW)
    cloud.answers[NEW] = COULD_NOT_LOOK
    assert deploy(cloud).state == "unproven"
