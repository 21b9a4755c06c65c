# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's items are outside data: each is right, or fails alone with the field that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.flows._issue_items import FIELDS, profiles_of, wanted_of

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda one: st.lists(one, max_size=3), max_leaves=5)
ITEMS = st.lists(st.dictionaries(st.sampled_from([*FIELDS, "other"]), JSON, max_size=6) | JSON, max_size=6)


@given(ITEMS)
def test_every_item_has_one_outcome_or_is_wanted(items: Any) -> None:
    good, outcomes = wanted_of(items, profiles_of({}))
    assert len(outcomes) == len(items)
    assert [one.id for one in good] == [name for name, outcome in outcomes.items() if outcome is None]
    assert all(outcome is None or (outcome.state == "failed" and outcome.message) for outcome in outcomes.values())


@pytest.mark.parametrize(
    "item,field",
    [
        ({"lineage": "shop", "names": "shop.example.com"}, "names"),
        ({"lineage": "shop", "names": ["a b"]}, "names[0]"),
        ({"lineage": "shop", "names": ["a.example.com\nb.example.com"]}, "names[0]"),
        ({"lineage": "../shop", "names": ["a.example.com"]}, "lineage"),
        ({"lineage": "Shop", "names": ["a.example.com"]}, "lineage"),
        ({"lineage": "shop", "names": ["a.example.com"], "profile": "none"}, "profile"),
        ({"lineage": "shop", "names": ["a.example.com"], "profile": {"life": 1}}, "profiles.inline"),
        ({"lineage": "shop", "names": ["a.example.com"], "compromised": ["abc"]}, "compromised"),
        ({"lineage": "shop", "names": ["a.example.com"], "color": "red"}, "certificates[0]"),
        ("shop", "certificates[0]"),
    ],
)
def test_what_is_wrong_is_named(item: Any, field: str) -> None:
    good, outcomes = wanted_of([item], profiles_of({}))
    (outcome,) = outcomes.values()
    assert not good and outcome is not None and field in outcome.message


@pytest.mark.parametrize(
    "item,said",
    [
        ({"lineage": "shop", "name": ["a.example.com"]}, "unknown field 'name'. Next: did you mean names? known are id, lineage, "),
        ({"names": ["a.example.com"]}, "certificates[0].lineage: is needed"),
        ({"lineage": "shop", "names": []}, "certificates[0].names: at least one name is needed"),
    ],
)
def test_the_way_out_is_told(item: Any, said: str) -> None:
    (outcome,) = wanted_of([item], profiles_of({}))[1].values()
    assert outcome is not None and said in f"{outcome.message}. Next: {outcome.next_action}"


def test_the_lineage_is_the_id_and_the_profile_the_default() -> None:
    items = [{"id": "shop", "names": ["Shop.Example.COM"]}, {"lineage": "api", "names": ["a.example.com"]}]
    good, _outcomes = wanted_of(items, profiles_of({}))
    assert [(one.id, one.lineage, one.names, one.profile.name) for one in good] == [
        ("shop", "shop", ("shop.example.com",), "default"),
        ("api", "api", ("a.example.com",), "default"),
    ]
