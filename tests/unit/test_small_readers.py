# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What everything shares: dates of files and answers, paths of options, and what is said of a name that nobody knows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.certops.clm.plugins.module_utils.edge import validate
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.identifiers import meant
from ansible_collections.certops.clm.plugins.module_utils.moments import moment_of
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile

NOON = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)
PATHS = {"path": {"type": "path", "required": True}, "other": {"type": "path"}}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01T12:00:00Z", NOON),
        ("2026-12-01T13:00:00+01:00", NOON),
        ("2026-12-01T12:00:00.250000Z", NOON + timedelta(milliseconds=250)),
        ("2026-12-01T12:00:00", NOON),
        (NOON, NOON),
        *((nothing, None) for nothing in ("", None, "soon", 17, "2026-13-01T12:00:00Z", {}, "9" * 5000)),
    ],
)
def test_a_moment_is_read_or_is_none(text, moment):
    assert moment_of(text) == moment


def test_a_hint_names_what_was_meant_and_what_there_is():
    assert meant("nmaes", ["id", "names"]) == "did you mean names? known are id, names"
    assert meant("x", []) == "known are none"
    assert meant("n7" + "x" * 100000, [f"n{number}" for number in range(5000)]).endswith("n39 and 4960 more")


def test_who_asks_for_something_unknown_is_told_what_was_meant():
    for ask in (lambda: validate(PATHS, {"path": "/x", "pth": 1}), lambda: Profile.from_dict("web", {"lifetme": 1})):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert caught.value.hint.startswith("did you mean ") and "? known are " in caught.value.hint


@pytest.mark.parametrize(
    ("given", "field", "why"),
    [({"path": "a\0b"}, "store.path", "NUL"), ({"path": "x", "other": "\0"}, "store.other", "NUL"), ({"path": " "}, "store.path", "empty")],
)
def test_a_path_that_can_be_none_is_refused_by_its_option(given, field, why):
    with pytest.raises(ConfigError, match=why) as caught:
        validate(PATHS, given, "store")
    assert caught.value.field == field
