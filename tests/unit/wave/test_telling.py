# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody who was woken up is told of a deployment."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scope import CANARIES_FIRST
from ansible_collections.certops.clm.plugins.plugin_utils.wave.telling import Served, completed, sentence, span, told

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=timezone.utc)
OLD, NEW = "a" * 64, "b" * 64
SOON, GONE = "2026-11-26T07:00:00Z", "2026-11-20T03:00:00Z"
WEB = Endpoint("web1", 443, server_name="shop.example.com").as_dict()
LABELS = {"runbook": "https://run.book/shop"}
ITEM = {"lineage": "shop", "server": "web1", "deployment": {"endpoints": [WEB]}, "issue": None}
PLAN = {"items": {"h": ITEM}, "lineages": {"shop": {"labels": LABELS}}}
BEFORE = {"sha256": OLD, "not_after": SOON}


def one(state, step="prove", **more):
    return Outcome(state, step, **{"before": BEFORE, "message": f"{NEW} was not served", "next_action": "mend it", **more}).as_dict()


def tell(outcome, seen=None, plan=PLAN, inventories=("/etc/clm/hosts.yml",)):
    return told({"h": outcome}, plan, {"h": seen} if seen else {}, NOW, inventories)["h"]


def test_a_red_host_says_everything_that_is_asked_at_three():
    outcome = tell(one("rolled_back"), Served(OLD, SOON))
    assert sentence(outcome, lambda: NOW) == (
        f"shop on web1, web1:443 (shop.example.com): rolled_back at step prove. {NEW[:16]}... was not served. "
        f"Served now: SHA-256 {OLD[:16]}..., until 2026-11-26 07:00 UTC (in 3 days 4 h). "
        "Next: mend it. Command: `ansible-playbook -i /etc/clm/hosts.yml certops.clm.rotate`. "
        "Runbook: docs/docsite/rst/runbook_rolled_back.rst, and your own: https://run.book/shop"
    )
    broken = {**outcome, "message": "h: the server's configuration was broken"}
    assert "at step prove. The server's configuration was broken. Served" in sentence(broken, lambda: NOW, "h"), "the line has its host"
    assert (outcome["served_sha256"], outcome["served_until"]) == (OLD, SOON)
    assert tell(outcome, Served(OLD, SOON)) == outcome, "telling twice says nothing twice"


@pytest.mark.parametrize(
    ("outcome", "sha256"),
    [
        (one("failed", "issue"), OLD),
        (one("failed", "plan"), OLD),
        (one("pending", "issue"), OLD),
        (one("failed", "restore", after={"sha256": OLD}), ""),
        (one("failed", "bind"), ""),
        (one("failed", "gate", after={"sha256": NEW, "swapped": True}), ""),
        (one("unproven", after={"sha256": NEW}), ""),
        (one("rolled_back", after={"sha256": OLD, "not_after": SOON}), OLD),
        (one("done", after={"sha256": NEW, "not_after": SOON}), NEW),
        (one("unchanged", after={"sha256": NEW, "not_after": None}), NEW),
    ],
)
def test_without_a_look_only_what_nobody_changed_is_known(outcome, sha256):
    found = tell(outcome)
    assert found["served_sha256"] == sha256
    assert ("Served now: not known." in sentence(found, lambda: NOW)) == (not sha256 and outcome["state"] != "done")
    assert tell(outcome, Served("c" * 64, ""))["served_sha256"] == "c" * 64, "a look knows more than any step"


def test_what_has_expired_comes_first():
    for state, step in (("failed", "issue"), ("failed", "bind"), ("pending", "issue")):
        found = tell(one(state, step), Served(OLD, GONE))
        assert found["runbook_page"].endswith("runbook_expired.rst")
        assert "EXPIRED at 2026-11-20 03:00 UTC (3 days 0 h ago): clients refuse it." in sentence(found, lambda: NOW)
    busy = {**one("failed", "issue"), "runbook_page": "docs/docsite/rst/runbook_busy.rst"}
    assert tell(busy, Served(OLD, GONE))["runbook_page"].endswith("runbook_busy.rst")
    assert tell(one("rolled_back"), Served(OLD, GONE))["runbook_page"].endswith("runbook_rolled_back.rst")


def test_the_command_is_the_one_of_the_trouble():
    impact = tell({**one("failed", "issue"), "reason": {"word": "compromised", "sentence": ""}}, Served(OLD, SOON), inventories=["a b.yml"])
    assert f"`ansible-playbook -i 'a b.yml' certops.clm.impact -e clm_impact_sha256={OLD}`" in impact["next_action"]
    assert "certops.clm.adopt`" in tell(one("failed", "plan", next_action="run certops.clm.adopt first"))["next_action"]
    canaries = tell(one("failed", "plan", next_action=CANARIES_FIRST))["next_action"]
    assert canaries.endswith("certops.clm.rotate --limit localhost,clm_canary,clm_servers`")
    assert "clm_ignore_windows" in tell(one("deferred", "plan"))["next_action"]
    assert tell(one("done", next_action=""))["next_action"] == "" and tell(one("done"))["runbook_page"] == ""
    planned = {**PLAN, "items": {"h": {**ITEM, "issue": {"word": "revoked"}}}}
    assert "runbook_compromised" in tell(one("failed", "issue"), plan=planned)["runbook_page"]


def test_a_host_without_a_plan_is_told_by_what_the_inventory_knows():
    bare = tell(one("failed", "plan", before={}), plan={})
    assert sentence(bare, lambda: NOW).startswith("h: failed at step plan.")
    known = {"clm_lineage": "shop", "clm_server": "web1", "clm_sha256": OLD, "clm_not_after": GONE, "clm_runbook": "https://run.book/shop"}
    text = sentence(completed(bare, known, NOW), lambda: NOW)
    assert text.startswith("shop on web1: failed at step plan.") and "EXPIRED" in text and "runbook_expired.rst" in text
    later = completed(tell(one("failed", "record", before={}), plan={}), known, NOW)
    assert later["served_sha256"] == "", "what is served may have changed since"
    assert sentence({}, lambda: NOW) == "None at step None. Served now: not known."


def test_dates_that_cannot_be_read_are_said():
    for until in ("", "tomorrow"):
        assert "until a date that is not known" in sentence(tell(one("failed", "issue"), Served(OLD, until)), lambda: NOW)


def test_time_left_is_said_as_a_clock_says_it():
    assert [span(timedelta(minutes=left)) for left in (0, 59, 61, 1440, 4561)] == [
        "0 min",
        "59 min",
        "1 h 1 min",
        "1 day 0 h",
        "3 days 4 h",
    ]
