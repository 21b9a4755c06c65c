# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every target behind an API must hold to: a provider's test inherits `TargetContract` and says only what is its own."""

from __future__ import annotations

import dataclasses
import json
from types import ModuleType
from typing import Any, Dict, Mapping, Protocol

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import NOT_SERVED, SERVED, Target, Version, Where
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.targets import _index
from ansible_collections.certops.clm.plugins.module_utils.targets._powers import KeySender

TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw"}
QUICK = {"timeout": 0.7, "consecutive": 2, "interval": 0.05}


class Estate(Protocol):
    """One place of the provider, which serves `old`, with the means to see and to sabotage it."""

    where: Where
    gone: Where
    old: Version
    new: Version
    wrong_key: Version
    store: Any

    def writes(self) -> int:
        """How many calls so far that change something."""

    def others(self) -> Any:
        """Everything around the place that must not change."""

    def freeze(self) -> None:
        """From now on the place serves what it serves, whatever is bound."""

    def now(self) -> Any:
        """The clock."""


class TargetContract:
    """Give `provider` and the fixture `estate`; get the tests."""

    provider: ModuleType

    def target(self, estate: Estate) -> Target:
        made: Target = self.provider.create(QUICK, estate.now)
        assert isinstance(made, Target)
        if isinstance(made, KeySender):
            made.take_keys_from(estate.store)
        return made

    def deploy(self, estate: Estate, version: Version, check_mode: bool = False, **more: Any) -> Outcome:
        items = [Item("one", estate.where, version, **more)]
        return converge(items, target=self.target(estate), clock=estate.now, check_mode=check_mode)["one"]

    def test_it_deploys_and_again_changes_nothing(self, estate: Estate) -> None:
        around = estate.others()
        outcome = self.deploy(estate, estate.new)
        assert (outcome.state, outcome.before["sha256"], outcome.after["sha256"]) == ("done", estate.old.sha256, estate.new.sha256), outcome
        found = self.target(estate).read(estate.where)
        assert found is not None and found.sha256 == estate.new.sha256 and estate.others() == around
        writes = estate.writes()
        assert self.deploy(estate, estate.new).state == "unchanged" and estate.writes() == writes

    def test_what_it_says_of_a_place_is_what_is_served(self, estate: Estate) -> None:
        target = self.target(estate)
        assert target.prove(estate.where, estate.old.sha256).answer == SERVED
        proof = target.prove(estate.where, estate.new.sha256)
        assert (proof.answer, proof.sha256) == (NOT_SERVED, estate.old.sha256)

    def test_check_mode_writes_nothing(self, estate: Estate) -> None:
        writes = estate.writes()
        assert self.deploy(estate, estate.new, check_mode=True).state == "planned" and estate.writes() == writes

    def test_what_is_not_served_goes_back(self, estate: Estate) -> None:
        around = estate.others()
        estate.freeze()
        outcome = self.deploy(estate, estate.new)
        assert outcome.state == "rolled_back" and outcome.after["sha256"] == estate.old.sha256, outcome
        found = self.target(estate).read(estate.where)
        assert found is not None and found.sha256 == estate.old.sha256 and estate.others() == around

    def test_a_dead_certificate_stays_away(self, estate: Estate) -> None:
        estate.freeze()
        outcome = self.deploy(estate, estate.new, dead=frozenset({estate.old.sha256}))
        assert outcome.state == "failed" and estate.old.sha256 in outcome.message and estate.new.sha256 in outcome.message
        found = self.target(estate).read(estate.where)
        assert found is not None and found.sha256 == estate.new.sha256

    def test_deploying_the_old_one_again_is_the_way_back(self, estate: Estate) -> None:
        assert self.deploy(estate, estate.new).state == "done"
        outcome = self.deploy(estate, estate.old)
        assert outcome.state == "done" and outcome.after["sha256"] == estate.old.sha256, outcome

    def test_a_key_that_it_does_not_take_is_refused_before_any_write(self, estate: Estate) -> None:
        writes = estate.writes()
        outcome = self.deploy(estate, estate.wrong_key)
        assert (outcome.state, outcome.step) == ("failed", "plan") and "nothing was changed" in outcome.message
        assert estate.writes() == writes

    def test_a_key_that_is_not_there_changes_nothing(self, estate: Estate) -> None:
        assert estate.new.key is not None
        lost = dataclasses.replace(estate.new, key=dataclasses.replace(estate.new.key, version="never-was"))
        outcome = self.deploy(estate, lost)
        assert outcome.state == "failed", outcome
        found = self.target(estate).read(estate.where)
        assert found is not None and found.sha256 == estate.old.sha256

    def test_a_place_that_is_gone_fails_alone(self, estate: Estate) -> None:
        items = [Item("gone", estate.gone, estate.new), Item("one", estate.where, estate.new)]
        outcomes = converge(items, target=self.target(estate), clock=estate.now)
        assert (outcomes["gone"].state, outcomes["one"].state) == ("failed", "done") and outcomes["gone"].message

    def test_no_outcome_holds_a_key(self, estate: Estate) -> None:
        estate.freeze()
        outcome = self.deploy(estate, estate.new)
        assert "PRIVATE" not in json.dumps(outcome.as_dict())

    def test_wrong_paces_are_refused(self, estate: Estate) -> None:
        with pytest.raises(ConfigError) as caught:
            self.provider.create({"timeout": -1}, estate.now)
        assert caught.value.field == "proof.timeout"

    def test_its_options_are_an_argument_spec_and_the_index_has_it(self) -> None:
        spec: Dict[str, Mapping[str, Any]] = self.provider.OPTIONS
        assert all(option["type"] in TYPES for option in spec.values())
        assert self.provider.NAME in _index.NAMES and _index.options_of(self.provider.NAME) == spec
