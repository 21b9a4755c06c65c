# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: everything is done once, in order, and no service loses more than a third at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.plugin_utils.waves import wave_sizes


def hosts(count, services=100):
    each = {number % services: 0 for number in range(count)}
    for number in range(count):
        each[number % services] += 1
    return [(f"h{number}", f"s{number % services}", each[number % services]) for number in range(count)]


def test_nothing_to_do_needs_no_wave():
    assert wave_sizes([]) == []


@pytest.mark.parametrize(
    ("count", "waves", "sizes"),
    [
        (10, [1, "10%", "rest"], [1, 1, 8]),
        (200, [1, "10%", "rest"], [1, 20, 179]),
        (10, [4], [4, 4, 2]),
        (3, ["10%"], [1, 1, 1]),
        (5, [2, 1], [2, 1, 1, 1]),
    ],
)
def test_sizes_are_as_asked_for(count, waves, sizes):
    assert wave_sizes(hosts(count, services=max(count, 1)), waves) == sizes


def test_no_wave_is_wider_than_the_cap():
    assert max(wave_sizes(hosts(10_000, services=5_000), ["rest"])) == 500
    assert wave_sizes(hosts(7, services=7), ["rest"], cap=3) == [3, 3, 1]


def test_a_wave_takes_at_most_a_third_of_one_service():
    assert wave_sizes([(f"h{number}", "shop", 9) for number in range(9)], ["rest"]) == [3, 3, 3]


def test_a_third_is_of_all_deployments_of_the_service_not_of_the_due_ones():
    assert wave_sizes([(f"h{number}", "shop", 30) for number in range(9)], ["rest"]) == [9]


def test_one_deployment_is_always_allowed():
    assert wave_sizes([("a", "shop", 2), ("b", "shop", 2)], ["rest"]) == [1, 1]


def test_without_a_service_nothing_is_held_back():
    assert wave_sizes([(f"h{number}", "", 1) for number in range(6)], ["rest"]) == [6]


@pytest.mark.parametrize("wave", [0, -1, "0%", "ten", "", True, 1.5, "-5%", "²", None])
def test_what_is_no_wave_is_refused_with_its_field(wave):
    with pytest.raises(ConfigError) as error:
        wave_sizes(hosts(3), [1, wave])
    assert error.value.field == "clm_waves[1]"


def test_no_waves_at_all_are_refused():
    with pytest.raises(ConfigError):
        wave_sizes(hosts(3), [])


services = st.sampled_from(["", "a", "b", "c"])
entries = st.lists(st.one_of(st.integers(1, 50), st.integers(1, 100).map(lambda n: f"{n}%"), st.just("rest")), min_size=1, max_size=4)


@given(st.lists(services, max_size=80), entries, st.integers(1, 30))
def test_every_host_is_in_exactly_one_wave_and_the_limits_hold(names, waves, cap):
    line = [(f"h{index}", name, names.count(name)) for index, name in enumerate(names)]
    sizes = wave_sizes(line, waves, cap=cap)
    assert sum(sizes) == len(line)
    start = 0
    for size in sizes:
        assert 1 <= size <= cap
        wave = [name for _id, name, _total in line[start : start + size]]
        assert all(wave.count(name) <= max(1, names.count(name) // 3) for name in set(wave) - {""})
        start += size
