# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every source must hold to: a provider's test inherits `SourceContract` and says only what is its own."""

from __future__ import annotations

import datetime
import hashlib
import json
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Dict, Iterator, List, Mapping, Set, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Found, Source
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.sources import _index

NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.timezone.utc)
TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw"}


class SourceContract:
    """Give `provider`, and the three situations; get the tests."""

    provider: ModuleType

    def good(self, folder: Any) -> AbstractContextManager[Tuple[Mapping[str, Any], Set[str]]]:
        """Within it: options of a source that sees everything, and the SHA-256 of every leaf that is there."""
        raise NotImplementedError

    def blind(self, folder: Any) -> Mapping[str, Any]:
        """Options of a source whose place cannot be looked at."""
        raise NotImplementedError

    wrong: Tuple[Mapping[str, Any], ...] = ()  # options that can never be right

    def source(self, options: Mapping[str, Any]) -> Source:
        made: Source = self.provider.create(options, lambda: NOW)
        assert isinstance(made, Source)
        return made

    @pytest.fixture
    def seen(self, tmp_path: Any) -> Iterator[Tuple[List[Found], List[Found], Set[str]]]:
        """What two looks in a row found, and what is there."""
        with self.good(tmp_path) as (options, there):
            source = self.source(options)
            yield list(source.find()), list(source.find()), there

    def test_it_finds_what_is_there(self, seen: Any) -> None:
        first, _second, there = seen
        assert {hashlib.sha256(one.chain_der[0]).hexdigest() for one in first if one.chain_der} == there

    def test_looking_again_finds_the_same(self, seen: Any) -> None:
        first, second, _there = seen
        assert {(key(one), one.chain_der) for one in first} == {(key(one), one.chain_der) for one in second}

    def test_a_record_names_its_source_and_its_place_in_plain_data(self, seen: Any) -> None:
        for one in seen[0]:
            assert one.source == self.provider.NAME and one.where and json.loads(json.dumps(one.where)) == one.where
            assert isinstance(one.server, str) and isinstance(one.error, str)

    def test_a_record_has_certificates_or_says_why_not(self, seen: Any) -> None:
        for one in seen[0]:
            assert one.chain_der or one.error
            assert len(one.chain_der) <= 16 and all(isinstance(der, bytes) for der in one.chain_der)

    def test_no_place_is_told_twice(self, seen: Any) -> None:
        places = [key(one) for one in seen[0]]
        assert len(places) == len(set(places))

    def test_no_record_holds_a_key(self, seen: Any) -> None:
        assert not [one for one in seen[0] if "PRIVATE KEY" in repr(one)]

    def test_blind_is_not_empty(self, tmp_path: Any) -> None:
        try:
            found = list(self.source(self.blind(tmp_path)).find())
        except ClmError as error:
            assert error.message
        else:
            assert found and all(one.error and not one.chain_der for one in found)

    def test_wrong_options_are_refused_by_name(self) -> None:
        for options in self.wrong:
            with pytest.raises(ConfigError) as caught:
                self.source(options)
            assert caught.value.field

    def test_its_options_are_an_argument_spec_and_the_index_has_it(self) -> None:
        spec: Dict[str, Dict[str, Any]] = self.provider.OPTIONS
        assert all(option["type"] in TYPES for option in spec.values())
        assert self.provider.NAME in _index.NAMES and _index.options_of(self.provider.NAME) == spec


def key(one: Found) -> str:
    """A record's place as text."""
    return json.dumps([one.server, dict(one.where)], sort_keys=True)
