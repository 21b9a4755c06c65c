# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real browser, on a desk and on a phone: it fits, it says nothing to the console, and it asks nobody for anything."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.plugin_utils.report.write import page
from ansible_collections.certops.clm.tests.hostile.test_texts import report as hostile
from ansible_collections.certops.clm.tests.hostile.texts import HOSTILE
from ansible_collections.certops.clm.tests.lab.browser import look
from ansible_collections.certops.clm.tests.unit.report.test_report import lineage, outcome, place, report

DESK, PHONE = 1280, 390
BAD = '<!doctype html><body style="margin:0"><img src="https://elsewhere.example/x.png"><script>console.error("oh")</script>'
BAD += '<table style="overflow:hidden;width:100%;display:block"><td><i style="display:block;width:600px">x</i></table>'


def usual():
    """A day on which much happened."""
    long = "shop-of-a-region-with-a-long-name.internal.example.com"
    places = [place(f"d{number}", place=f"web{number} (nginx), {long}", endpoints=[f"{long}:{8443 + number}"] * 3) for number in range(9)]
    runbook = "https://run.book/certificates/what-to-do-when-a-certificate-is-not-served-after-a-deployment"
    told = {"message": "serves another certificate", "next_action": "Run `" + "x" * 150 + "`"}
    events = [outcome("done", "d1"), outcome("rolled_back", "d2", **told)]
    names = [lineage(lineage=long, names=[f"{number}.{long}" for number in range(7)], advice=[long, f"nist: {long}"])]
    return report([*places, place("d2", runbook=runbook, why="it expires soon")], events, names)


@pytest.fixture(scope="module")
def seen():
    """One look at all of them."""
    return look({"usual": page(usual()), **{name: page(hostile(text)) for name, text in HOSTILE.items()}}, (DESK, PHONE))


def test_every_page_fits_on_a_desk_and_on_a_phone(seen):
    assert {(row["page"], row["asked"]) for row in seen.rows} == {(name, width) for name in ("usual", *HOSTILE) for width in (DESK, PHONE)}
    for row in seen.rows:
        assert row["text"] > 300, f"{row['page']}: an empty page fits everywhere"
        assert row["scroll"] <= row["width"] <= row["asked"] and not row["over"], row


def test_it_says_nothing_to_the_console_and_asks_nobody_for_anything(seen):
    assert not seen.console and not [row for row in seen.rows if row["fetched"]]
    assert not seen.asked


def test_the_look_itself_can_fail():
    seen = look({"bad": BAD, "wide": BAD.replace("hidden", "visible")}, (DESK, PHONE))
    found = {(row["page"], row["asked"]): row for row in seen.rows}
    assert found["bad", PHONE]["over"] and not found["bad", DESK]["over"]
    assert found["wide", PHONE]["scroll"] > PHONE and found["wide", DESK]["scroll"] <= DESK
    assert any("oh" in line for line in seen.console) and any("elsewhere.example" in one for one in seen.asked)
    assert all(row["fetched"] == ["https://elsewhere.example/x.png"] for row in seen.rows)
