# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wave while the ledger cannot be written."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.certops.clm.plugins.module_utils.ledger import UnwritableError
from ansible_collections.certops.clm.plugins.module_utils.outcome import STATES, Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave.break_glass import spooled_midway, urgent_only
from ansible_collections.certops.clm.plugins.plugin_utils.wave.record import judge_waiting

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
FULL = UnwritableError("cannot open the ledger /l: full", hint="free some")


def test_only_what_serves_an_expired_certificate_stays_in_the_plan():
    ends = {"a": "2026-11-23T11:59:59Z", "b": "2026-11-23T12:00:01Z", "c": "", "d": None}
    items = {host: {"lineage": host, "before": {"sha256": "x", "not_after": end} if end is not None else {}} for host, end in ends.items()}
    plan = {"hosts": ["a", "b", "c", "d", "e"], "items": items, "refused": {"e": {"state": "failed"}}, "run_id": "r", "shut": "full"}
    found = urgent_only(plan, FULL, NOW)
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


def test_what_is_compromised_or_revoked_stays_in_the_plan_too():
    """By why its lineage is issued, and in later waves, when it was, by what is served."""
    good = {"sha256": "good", "not_after": "2027-01-01T00:00:00Z"}
    items = {
        "a": {"lineage": "shop", "before": good, "issue": {"word": "compromised"}},
        "b": {"lineage": "shop", "before": good, "issue": {"word": "revoked"}},
        "c": {"lineage": "shop", "before": {**good, "sha256": "stolen"}, "issue": None},
        "d": {"lineage": "shop", "before": good, "issue": {"word": "expiring"}},
        "e": {"lineage": "api", "before": {**good, "sha256": "stolen"}, "issue": None},
    }
    lineages = {"shop": {"dead": ["stolen"]}, "api": {"dead": []}}
    found = urgent_only({"hosts": list(items), "items": items, "refused": {}, "lineages": lineages, "shut": "full"}, FULL, NOW)
    assert list(found["items"]) == ["a", "b", "c"] and set(found["refused"]) == {"d", "e"}


def test_a_ledger_that_shut_after_the_run_began_makes_the_wave_red():
    """The last play tells only what the run began with: a wave of deferred hosts would be green."""
    items = {
        host: {"lineage": host, "before": {"not_after": end}}
        for host, end in (("a", "2026-11-23T11:00:00Z"), ("b", "2027-01-01T00:00:00Z"))
    }
    for shut in ({}, {"shut": ""}):
        found = urgent_only({"hosts": ["a", "b"], "items": items, "refused": {}, **shut}, FULL, NOW)
        told = found["refused"]["b"]
        assert list(found["items"]) == ["a"] and (told["state"], told["step"]) == ("failed", "break_glass")
        assert "/l" in told["message"] and "certops.clm.rotate" in told["next_action"] and told["runbook_page"].endswith("ledger.rst")


def test_what_was_recorded_in_the_spool_only_is_red_unless_the_run_began_so():
    outcomes = {state: Outcome(state, "prove", message="Seen.", after={"sha256": "new"}).as_dict() for state in STATES}
    assert spooled_midway({}, outcomes, None) == outcomes and spooled_midway({"shut": "full"}, outcomes, FULL) == outcomes
    found = spooled_midway({"shut": ""}, outcomes, FULL)
    assert {state: one["state"] for state, one in found.items()} == {
        **dict.fromkeys(("done", "unchanged", "pending", "deferred", "failed"), "failed"),
        **{state: state for state in ("planned", "unproven", "rolled_back")},
    }
    done = found["done"]
    assert (
        done["step"] == "break_glass"
        and "Seen. Served and proven, but recorded in the spool only: cannot open the ledger /l" in done["message"]
    )
    assert done["after"] == {"sha256": "new"} and "again" in done["next_action"] and "Served" not in found["pending"]["message"]
    assert outcomes["done"]["state"] == "done" and found["failed"] == outcomes["failed"]
