# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report says what happened, says nothing green that is not, and shows hostile text as text."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.certops.clm.plugins.plugin_utils.report.model import build, lineage_id
from ansible_collections.certops.clm.plugins.plugin_utils.report.words import ago, life_left, safe_url, span, visible
from ansible_collections.certops.clm.plugins.plugin_utils.report.write import as_csv, differs, headline_of, page, render, write

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
A, B = "a" * 64, "b" * 64


def place(name="shop-web1", **more):
    known = {
        "id": name, "lineage": "shop", "server": "web1", "place": "web1 (nginx)", "endpoints": ["web1:443"], "served_sha256": A,
        "served_until": NOW + timedelta(days=60), "answer": "served", "why": "", "owner": "team-web", "service": "shop", "runbook": "",
    }  # fmt: skip
    return {**known, **more}


def lineage(**more):
    known = {
        "lineage": "shop", "names": ["shop.example.com"], "not_before": NOW - timedelta(days=30), "not_after": NOW + timedelta(days=60),
        "next_due": NOW + timedelta(days=28), "issuer": "internal", "owner": "team-web", "reason": "",
    }  # fmt: skip
    return {**known, **more}


def outcome(state, name="shop-web1", **more):
    known = {"action": "outcome", "deployment": name, "state": state, "step": "prove", "sha256": B, "before_sha256": A, "message": ""}
    return {**known, **more}


def report(places=None, events=(), lineages=None, ledger=None, unmanaged=()):
    return build(
        places=[place()] if places is None else places, lineages=[lineage()] if lineages is None else lineages, unmanaged=unmanaged,
        events=events, ledger={"ok": True, "events": 3, "chains": 1} if ledger is None else ledger, now=NOW, run_id="r1",
    )  # fmt: skip


def test_nothing_due_is_green_and_names_the_next_renewal():
    found = report()
    assert (found["headline"], found["tone"]) == ("Nothing is due", "")
    assert found["subline"] == "Next renewal: shop, 2026-12-21."


@pytest.mark.parametrize("state", ["failed", "rolled_back", "unproven"])
def test_what_failed_is_red_first_and_says_what_next(state):
    found = report(events=[outcome(state, message="serves another certificate", next_action="read the server's log")])
    html = page(found)
    assert found["tone"] == "bad" and found["headline"].startswith("1 place did not get")
    for text in ("serves another certificate", "read the server&#39;s log", "What failed, and what to do next", "team-web", A[:12]):
        assert text in html
    assert html.index("What failed") < html.index("Due next")


@pytest.mark.parametrize(
    ("change", "tone"),
    [({"answer": "could_not_look", "served_sha256": ""}, "bad"), ({"why": "it expires soon"}, "warn")],
)
def test_blind_and_due_are_never_green(change, tone):
    assert report(places=[place(**change)])["tone"] == tone


def test_what_is_foreign_is_said_with_the_reason_and_is_not_green():
    found = report(places=[place(held=True, why="issued by CN=Somebody; certbot keeps it")])
    assert (found["tone"], found["headline"]) == ("warn", "1 place left alone: what is served there is foreign")
    assert "certbot keeps it" in page(found)


@pytest.mark.parametrize("state, said", [("anchored", "signed checkpoints"), ("unanchored", "nobody could tell a rewrite")])
def test_a_ledger_is_called_no_better_than_it_is(state, said):
    assert said in page(report(ledger={"ok": True, "state": state, "events": 3, "chains": 1}))


def test_a_broken_ledger_turns_the_page_red():
    found = report(ledger={"ok": False, "problem": "a line 3: changed"})
    assert found["tone"] == "bad" and "BROKEN" in page(found)


def test_the_last_outcome_of_a_place_counts():
    found = report(events=[outcome("failed"), outcome("done")])
    assert not found["failed"] and len(found["moved"]) == 1


HOSTILE = "<script>alert(1)</script>{{ 7*7 }}\u202e\x00"


def test_hostile_text_is_shown_and_runs_nowhere():
    rows = [place(lineage=HOSTILE, place=HOSTILE, owner=HOSTILE, runbook="javascript:alert(1)", endpoints=[HOSTILE])]
    names = lineage(lineage=HOSTILE, names=[HOSTILE] * 9)
    odd = {"place": HOSTILE, "names": [HOSTILE], "issuer": HOSTILE, "not_after": None}
    html = page(report(places=rows, lineages=[names], unmanaged=[odd], events=[outcome("failed", message=HOSTILE, next_action=HOSTILE)]))
    assert "<script" not in html and "javascript:" not in html and "\u202e" not in html and "\x00" not in html
    assert "&lt;script&gt;" in html and "{{ 7*7 }}" in html and "&lt;U+202E&gt;" in html


def test_the_page_needs_nothing_beside_it():
    html = page(report())
    assert not re.search(r"(src|href)=", html) and "@import" not in html and "url(" not in html


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "=cmd|' /C calc'!A0"])
def test_a_spreadsheet_runs_no_cell(text):
    found = report(places=[place(owner=text)])
    (row,) = csv.DictReader(io.StringIO(as_csv(found)))
    assert row["owner"] == "'" + text


def test_the_table_says_why_for_whom_by_whom_and_what_nobody_manages():
    due = place(names=["shop.example.com", "www.example.com"], issuer="internal", why="a third of its life is left")
    kept = place("lineage spare", server="", served_sha256="", kept_sha256=B, kept_until=NOW)
    odd = {"place": "web9: /etc/x.pem", "names": ["x.example.com"], "issuer": "CN=Somebody", "not_after": NOW, "sha256": "c" * 64}
    rows = list(csv.DictReader(io.StringIO(as_csv(report(places=[due, kept], unmanaged=[odd] * 201)))))
    assert (rows[0]["names"], rows[0]["issuer"]) == ("shop.example.com, www.example.com", "internal")
    assert rows[0]["why"] == "a third of its life is left" and rows[0]["kept_sha256"] == ""
    assert (rows[1]["kept_sha256"], rows[1]["served_sha256"]) == (B, "")
    assert len(rows) == 2 + 200 + 1 and {row["state"] for row in rows[2:]} == {"unmanaged"}
    seen = {name: rows[2][name] for name in ("id", "place", "names", "issuer", "served_sha256")}
    assert seen == {"id": "", "place": odd["place"], "names": "x.example.com", "issuer": "CN=Somebody", "served_sha256": "c" * 64}
    assert rows[-1]["place"] == "and 1 more that are not managed"


def test_the_three_files_hold_the_same_and_are_stable(tmp_path):
    found = report(events=[outcome("done")])
    assert render(found) == render(report(events=[outcome("done")]))
    paths = write(tmp_path / "r", found)
    assert sorted(paths) == ["report.csv", "report.html", "report.json"]
    assert json.loads((tmp_path / "r/report.json").read_text())["places"][0]["served_sha256"] == A


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(days=61, hours=5), "61 days"), (timedelta(hours=47), "47 hours"), (timedelta(minutes=61), "1 hour"),
        (timedelta(minutes=1), "1 minute"), (timedelta(seconds=1), "1 second"), (timedelta(seconds=-5), "0 seconds"),
    ],
)  # fmt: skip
def test_times_in_words(length, text):
    assert span(length) == text and ago(length) == f"{text} ago"


def test_small_words():
    assert visible("a\nb") == "a<U+000A>b" and safe_url("https://x/") == "https://x/" and safe_url("ftp://x") == ""
    assert life_left(NOW, NOW + timedelta(days=10), NOW + timedelta(days=9)) == 10 and life_left(None, NOW, NOW) is None


def kept(**more):
    known = {
        "id": lineage_id("ldap"),
        "lineage": "ldap",
        "place": "the secret store only",
        "kept_sha256": A,
        "kept_until": None,
        "answer": "",
        "why": "",
    }
    return {**known, **more}


@pytest.mark.parametrize(
    ("change", "state", "tone"),
    [
        ({}, "kept", "good"), ({"why": "it expires soon"}, "due", "warn"), ({"kept_sha256": ""}, "not_seen", "warn"),
        ({"answer": "could_not_look"}, "could_not_look", "bad"),
    ],
)  # fmt: skip
def test_a_lineage_without_a_deployment_is_kept_and_served_nowhere(change, state, tone):
    (row,) = report(places=[kept(**change)])["places"]
    assert (row["state"], row["tone"], row["served_short"], row["served_sha256"]) == (state, tone, "nowhere", "")


def test_what_became_of_a_lineage_without_a_deployment_is_shown():
    events = [outcome("failed", "", lineage="ldap", message="the CA is closed", next_action="open it")]
    found = report(places=[kept()], events=events)
    assert found["failed"][0]["served_text"] == f"Kept now: {A[:12]}." and "the CA is closed" in page(found) and "open it" in page(found)
    assert report(places=[place()], events=events)["failed"] == [], "the outcome of a lineage is not one of its deployments"


def test_only_what_is_said_counts_as_news(tmp_path):
    first = report()
    assert differs(tmp_path, first) and headline_of(tmp_path) == ""
    write(tmp_path, first)
    assert not differs(tmp_path, {**first, "generated_at": "later"}) and headline_of(tmp_path) == "Nothing is due"
    assert differs(tmp_path, report(events=[outcome("done")]))
    (tmp_path / "report.json").write_text("[")
    assert differs(tmp_path, first)
