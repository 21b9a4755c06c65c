# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every trust store must hold to: a provider's test inherits `TrustStoreContract` and says only what is its own."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any, Dict, List, Mapping, Protocol, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, Removable, TrustStore
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.trust import converge
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import _index
from ansible_collections.certops.clm.tests.lab.anchors import sha256_of, write_anchors

TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw"}


class Place(Protocol):
    """One trust store of the provider that is not there yet."""

    options: Mapping[str, Any]

    def writes(self) -> int:
        """How many calls so far that change something."""

    def held(self) -> List[str]:
        """The SHA-256 of every anchor in force, sorted, as somebody else than the provider sees it."""

    def foreign(self) -> None:
        """Somebody else writes it by hand, with other anchors: what is in force is none of ours."""


class TrustStoreContract:
    """Give `provider` and the fixture `place`; get the tests."""

    provider: ModuleType
    clock: Clock = staticmethod(utc_now)
    wrong: Tuple[Tuple[str, Mapping[str, Any]], ...] = ()  # (field, options) that can never be right
    tells_foreign = True  # whether it can see what somebody else wrote

    @pytest.fixture
    def cas(self, tmp_path: Any) -> Dict[str, Any]:
        self.folder = tmp_path
        made: Dict[str, Any] = write_anchors(tmp_path)
        return made

    def store(self, place: Place, **more: Any) -> TrustStore:
        made: TrustStore = self.provider.create({**place.options, **more}, self.clock)
        assert isinstance(made, TrustStore)
        return made

    def run(self, place: Place, state: str, *names: str, check_mode: bool = False, **more: Any) -> Outcome:
        """One task; `names` are files of anchors, or for `removed` SHA-256."""
        files = None if state in ("removed", "absent") else [str(self.folder / f"{name}.pem") for name in names]
        params = {"state": state, "anchors": files, "sha256": list(names) if files is None else None, **place.options, **more}
        (outcome,) = converge(params, store=self.store(place, state=state), clock=self.clock, check_mode=check_mode).values()
        assert "PRIVATE" not in json.dumps(outcome.as_dict())
        return outcome

    def test_made_unchanged_added_removed_and_replaced(self, place: Place, cas: Any) -> None:
        one, two, three = (sha256_of(cas[name]) for name in ("one", "two", "three"))
        assert self.run(place, "present", "one", check_mode=True).state == "planned" and place.writes() == 0
        made = self.run(place, "present", "one")
        assert made.state == "done" and place.held() == [one], made
        assert [row["sha256"] for row in made.after["anchors"]] == [one] and made.before["anchors"] == []
        added = self.run(place, "added", "two", "one")
        assert added.state == "done" and place.held() == sorted([one, two]) and "lab two" in added.message, added
        writes = place.writes()
        for state, names in (("present", ("two", "one", "two")), ("added", ("one",)), ("removed", (three,))):
            assert self.run(place, state, *names).state == "unchanged", state
        planned = self.run(place, "removed", one, check_mode=True)
        assert (planned.state, [row["sha256"] for row in planned.after["anchors"]]) == ("planned", [two]) and place.writes() == writes
        assert self.run(place, "removed", one.upper()).state == "done" and place.held() == [two]
        assert self.run(place, "present", "three").state == "done" and place.held() == [three]

    def test_what_is_no_anchor_is_named_and_nothing_is_written(self, place: Place, cas: Any) -> None:
        cases = {"expired": "expired at", "leaf": "no CA", "key": "is a private key", "cut": "PEM is cut", "empty": "no PEM block"}
        said = {name: self.run(place, "present", "one", name) for name in cases}
        for name, outcome in said.items():
            assert (outcome.state, outcome.step) == ("failed", "plan") and cases[name] in outcome.message, (name, outcome)
        assert "lab expired" in said["expired"].message and "leaf.lab.example" in said["leaf"].message
        assert "key.pem" in said["key"].message and "lost.pem" in self.run(place, "present", "lost").message
        assert "no anchor" in self.run(place, "present").message and place.writes() == 0 and self.store(place).read() is None

    def test_the_last_anchor_stays(self, place: Place, cas: Any) -> None:
        gone = self.run(place, "removed", sha256_of(cas["one"]))
        assert gone.state == "failed" and "there is no trust store" in gone.message and place.writes() == 0
        assert self.run(place, "present", "one").state == "done"
        writes = place.writes()
        last = self.run(place, "removed", sha256_of(cas["one"]))
        assert last.state == "failed" and "without any anchor" in last.message and place.writes() == writes
        assert "no SHA-256" in self.run(place, "removed", "lab one").message
        assert "says nothing" in self.run(place, "added", "two", sha256=[sha256_of(cas["one"])]).message

    def test_taken_away_and_again_changes_nothing(self, place: Place, cas: Any) -> None:
        assert isinstance(self.store(place), Removable)
        assert self.run(place, "absent").state == "unchanged" and place.writes() == 0
        assert self.run(place, "present", "one").state == "done"
        writes, held = place.writes(), place.held()
        planned = self.run(place, "absent", check_mode=True)
        assert planned.state == "planned" and [row["sha256"] for row in planned.before["anchors"]] == held and place.writes() == writes
        assert "says nothing" in self.run(place, "absent", sha256_of(cas["one"])).message and place.held() == held
        gone = self.run(place, "absent")
        assert gone.state == "done" and gone.before == planned.before and not gone.after, gone
        assert self.run(place, "absent").state == "unchanged" and self.store(place).read() is None
        assert self.run(place, "present", "two").state == "done" and place.held() == [sha256_of(cas["two"])]
        place.foreign()
        assert self.run(place, "absent").state == "done", "what is in doubt may go too, for all of it goes"

    def test_a_key_that_is_not_taken_is_refused_before_any_write(self, place: Place, cas: Any) -> None:
        if self.provider.KEY_TYPES:
            outcome = self.run(place, "present", "ed25519")
            assert outcome.state == "failed" and "key of type ed25519" in outcome.message and place.writes() == 0

    def test_of_two_that_add_at_once_none_is_lost(self, place: Place, cas: Any) -> None:
        assert self.run(place, "present", "one").state == "done"
        slow = self.store(place)
        before = slow.read()
        assert self.run(place, "added", "two").state == "done"
        writes, held = place.writes(), place.held()
        with pytest.raises(Exception, match="meanwhile"):
            slow.write((self.folder / "one.pem").read_text() + (self.folder / "three.pem").read_text(), before)
        assert place.held() == held and place.writes() - writes <= 1, "the refused write itself"

    def test_what_somebody_else_wrote_is_seen_or_nothing_is_written(self, place: Place, cas: Any) -> None:
        assert self.run(place, "present", "one").state == "done"
        place.foreign()
        held, writes = place.held(), place.writes()
        added = self.run(place, "added", "two")
        if self.tells_foreign:
            assert added.state == "done" and set(held) < set(place.held()), "what they added stays"
            return
        assert added.state == "failed" and place.writes() == writes and place.held() == held, added
        assert self.run(place, "present", "two").state == "failed" and place.held() == held
        assert self.run(place, "present", "two", replace_unknown=True).state == "done" and place.held() == [sha256_of(cas["two"])]

    def test_wrong_options_are_refused_by_name(self, place: Place) -> None:
        for field, wrong in self.wrong:
            with pytest.raises(ConfigError) as caught:
                self.provider.create({**place.options, **wrong}, self.clock)
            assert caught.value.field == field

    def test_its_options_are_an_argument_spec_and_the_index_has_it(self) -> None:
        spec: Dict[str, Dict[str, Any]] = self.provider.OPTIONS
        assert all(option["type"] in TYPES for option in spec.values())
        assert self.provider.NAME in _index.NAMES and _index.options_of(self.provider.NAME) == spec
