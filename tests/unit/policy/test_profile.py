# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles are read strictly: an unknown or wrong field is refused with its place."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.policy.duration import duration, in_words
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile, allows_name


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 7_776_000), ("12h", 43_200), ("45m", 2_700), ("30s", 30), ("60", 60), (60, 60), (0, 0)]
)
def test_durations(text, seconds):
    assert duration(text) == seconds


NO_DURATIONS = ["", "1.5d", "-1d", "90 d", "d", -1, True, None, 1.5, "99999999d", [], "1d1d", "\u0663d", "\u0663", "\u00b2"]


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_what_is_no_duration(text):
    with pytest.raises(ConfigError) as caught:
        duration(text, "profiles.web.lifetime")
    assert caught.value.field == "profiles.web.lifetime"


@given(st.integers(0, 10**9))
def test_every_number_of_seconds_has_words(seconds):
    assert in_words(seconds)


def test_words_are_whole_where_they_can_be():
    words = [in_words(one) for one in (0, 90, 7200, 45 * 3600, 200 * 86_400, 200 * 86_400 + 1)]
    assert words == ["0 seconds", "90 seconds", "2 hours", "45 hours", "200 days", "200 days and 1 seconds"]


def test_a_profile_is_read_and_shown():
    data = {
        "key_type": "rsa-2048",
        "lifetime": "47d",
        "backdate": "10m",
        "usages": ["server_auth", "client_auth"],
        "common_name": True,
        "names_allowed": ["*.Example.com", "10.0.0.0/8"],
        "reuse_key": False,
        "policies": ["cabf"],
    }
    profile = Profile.from_dict("web", data)
    assert profile.lifetime == 47 * 86_400 and profile.backdate == 600 and profile.names_allowed == ("*.example.com", "10.0.0.0/8")
    assert profile.as_dict()["policies"] == ["cabf"] and Profile.from_dict("web", {}) == Profile("web")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"lifetme": "90d"}, "profiles.web"),
        ({"key_type": "rsa-1024"}, "profiles.web.key_type"),
        ({"usages": []}, "profiles.web.usages"),
        ({"usages": ["any"]}, "profiles.web.usages"),
        ({"names_allowed": "x"}, "profiles.web.names_allowed"),
        ({"names_allowed": ["a", "b c"]}, "profiles.web.names_allowed[1]"),
        ({"names_allowed": ["10.0.0.0/99"]}, "profiles.web.names_allowed[0]"),
        ({"common_name": "yes"}, "profiles.web.common_name"),
        ({"policies": ["cbaf"]}, "profiles.web.policies"),
        ({"lifetime": "5m"}, "profiles.web.lifetime"),
        ({"key_type": ["rsa-2048"]}, "profiles.web.key_type"),
    ],
)
def test_a_wrong_field_is_named(data, field):
    with pytest.raises(ConfigError) as caught:
        Profile.from_dict("web", data)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("a.example.com", True),
        ("a.b.example.com", True),
        ("*.example.com", True),
        ("example.com", False),
        ("badexample.com", False),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("exact.test", True),
        ("sub.exact.test", False),
        ("::1", False),
    ],
)
def test_names_allowed(name, allowed):
    assert allows_name(("*.example.com", "10.0.0.0/8", "exact.test"), name) is allowed and allows_name((), name)


def test_the_validity_counts_both_its_ends():
    now = datetime(2026, 11, 5, 12, 0, 0, 999, tzinfo=timezone.utc)
    start, end = Profile("web", lifetime=200 * 86_400, backdate=300).validity(now)
    assert start == datetime(2026, 11, 5, 11, 55, tzinfo=timezone.utc) and end - start + timedelta(seconds=1) == timedelta(days=200)
