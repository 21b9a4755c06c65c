# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the controller's clock is not to be trusted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.clock import duration
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, ServerLook
from ansible_collections.certops.clm.plugins.plugin_utils.clocks import ahead, refuse_wrong_clock, warnings

BEGAN = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
ENDED = BEGAN + timedelta(minutes=40)


def text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def looked(**seconds: Any) -> Observations:
    return Observations(BEGAN, {name: ServerLook(True, clock_ahead=value) for name, value in seconds.items()})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (BEGAN, 0.0),
        (BEGAN + timedelta(minutes=20), 0.0),  # a look at many servers takes its time
        (ENDED, 0.0),
        (BEGAN - timedelta(hours=1), 3600.0),
        (ENDED + timedelta(hours=1), -3599.0),
    ],
)
def test_what_lies_within_the_look_is_no_difference(told: datetime, expected: float) -> None:
    assert ahead({"now": text(told)}, text(BEGAN), ENDED) == expected


@pytest.mark.parametrize("result", [None, {}, {"now": ""}, {"now": 5}, {"now": "yesterday"}, {"unreachable": True}])
def test_who_told_no_time_is_not_compared(result: Any) -> None:
    assert ahead(result, text(BEGAN), ENDED) is None
    assert ahead({"now": text(BEGAN)}, "", ENDED) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ({"web1": 3600.0}, "the controller's is 1 hour ahead of that of web1"),
        ({"web1": -365 * 86400.0}, "the controller's is 1 year behind that of web1"),
        ({"web1": 3900.0, "web2": 3901.0, "web3": 0.0}, "1 hour 5 minutes ahead of those of 2 of 3 servers (web1, web2)"),
    ],
)
def test_most_servers_against_the_controller_stop_a_run_before_anything(seconds: Dict[str, float], said: str) -> None:
    with pytest.raises(ClmError, match="One of two clocks is wrong") as caught:
        refuse_wrong_clock(looked(**seconds), [])
    assert said in caught.value.message and "Nothing was changed" in caught.value.message and "chronyc" in str(caught.value.hint)
    refuse_wrong_clock(looked(**seconds), ["clock"])


@pytest.mark.parametrize("seconds", [{}, {"web1": None}, {"web1": 299.0}, {"web1": 4000.0, "web2": 0.0}])
def test_a_few_seconds_and_a_few_servers_stop_nobody(seconds: Dict[str, Any]) -> None:
    refuse_wrong_clock(looked(**seconds), [])


def test_a_server_that_is_wrong_alone_is_named_and_an_old_look_is_not() -> None:
    seen = looked(web1=4000.0, web2=0.0, web3=-86400.0)
    assert warnings(seen) == [
        "The clock of web1 is 1 hour 6 minutes behind the controller's.",
        "The clock of web3 is 1 day ahead of the controller's.",
    ]
    kept = Observations(BEGAN, {"web1": ServerLook(True, kept_from="2026-11-01T00:00:00Z", clock_ahead=9999.0)})
    refuse_wrong_clock(kept, [])
    assert warnings(kept) == []


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.4, "0 seconds"), (61, "1 minute 1 second"), (-2 * 86400, "2 days"), (366 * 86400, "1 year 1 day")]
)
def test_a_duration_is_said_by_its_largest_units(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
