# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wave while the ledger cannot be written."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.certops.clm.plugins.module_utils.ledger import UnwritableError
from ansible_collections.certops.clm.plugins.plugin_utils.wave.break_glass import expired_only
from ansible_collections.certops.clm.plugins.plugin_utils.wave.record import judge_waiting

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def test_only_what_serves_an_expired_certificate_stays_in_the_plan():
    ends = {"a": "2026-11-23T11:59:59Z", "b": "2026-11-23T12:00:01Z", "c": "", "d": None}
    items = {host: {"lineage": host, "before": {"sha256": "x", "not_after": end} if end is not None else {}} for host, end in ends.items()}
    plan = {"hosts": ["a", "b", "c", "d", "e"], "items": items, "refused": {"e": {"state": "failed"}}, "run_id": "r"}
    found = expired_only(plan, UnwritableError("cannot open the ledger /l: full", hint="free some"), NOW)
    assert list(found["items"]) == ["a"] and set(found["refused"]) == {"b", "c", "d", "e"} and plan["items"] is items
    told = found["refused"]["b"]
    assert (
        (told["state"], told["step"]) == ("deferred", "break_glass")
        and "/l" in told["message"]
        and "2026-11-23 12:00 UTC" in told["message"]
    )
    now = judge_waiting({"b": told, "c": {**told, "step": "issue"}}, {}, NOW)
    assert (now["b"]["state"], now["c"]["state"]) == ("deferred", "failed")
    assert told["next_action"] == "free some" and told["before"]["sha256"] == "x"
