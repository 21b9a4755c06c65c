# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewal information (RFC 9773): what a window is, when it is asked for again, and what becomes of `replaces`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.certops.clm.plugins.module_utils import hints
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.issuers import _acme_ari as ari
from ansible_collections.certops.clm.plugins.module_utils.issuers._acme_problem import Problem
from ansible_collections.certops.clm.plugins.module_utils.issuers._acme_wire import Reply
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.lab.pebble import pebble
from ansible_collections.certops.clm.tests.unit.contracts.issuer import request_for
from ansible_collections.certops.clm.tests.unit.issuers.acme_world import AcmeWorld, wanted
from ansible_collections.certops.clm.tests.unit.issuers.test_acme import VECTOR

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
DAY = timedelta(days=1)
START, END = "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"


class Said:
    """A CA that gives one answer to every question for a window."""

    directory = {"renewalInfo": "https://ca.example/ari/"}

    def __init__(self, window, retry_after=None):
        self.asked, self._reply = [], Reply(200, {}, json.dumps({"suggestedWindow": window}).encode(), retry_after)

    def get(self, url):
        self.asked.append(url)
        return self._reply


@pytest.mark.parametrize(
    "retry_after, wait",
    [
        (None, timedelta(hours=6)),
        (0.0, timedelta(minutes=1)),
        (5.0, timedelta(minutes=1)),
        (60.0, timedelta(minutes=1)),
        (7200.0, timedelta(hours=2)),
        (86400.0, DAY),
        (86401.0, DAY),
        (999999999.0, DAY),
    ],
)
def test_it_is_asked_for_again_when_the_ca_says_so_but_after_a_minute_and_within_a_day(retry_after, wait):
    ca = Said({"start": START, "end": END}, retry_after)
    hint = ari.hint(ca, VECTOR, NOW)
    assert hint.ask_again - NOW == wait and ca.asked == ["https://ca.example/ari/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"]
    assert (hint.start, hint.end) == (datetime(2026, 12, 1, tzinfo=timezone.utc), datetime(2026, 12, 2, tzinfo=timezone.utc))


@pytest.mark.parametrize("start", ["2026-12-01T02:00:00+02:00", "2026-11-30T18:30:00.123456789-05:30", "2026-12-01T00:00:00+00:00"])
def test_a_window_in_another_time_zone_is_kept_as_the_same_moment(start):
    class Ca:
        def window(self, pem):
            return ari.hint(Said({"start": start, "end": END}), pem, NOW)

    kept = hints.refreshed({}, {"a" * 64: (Ca(), VECTOR)}, NOW)
    assert hints.windows(kept) == {"a" * 64: (datetime(2026, 12, 1, tzinfo=timezone.utc), datetime(2026, 12, 2, tzinfo=timezone.utc))}


@pytest.mark.parametrize(
    "window",
    [
        {"start": END, "end": START},
        {"start": START, "end": START},
        {"start": START},
        {"start": "soon", "end": END},
        [START, END],
        None,
        {"start": START, "end": "9999-12-31T23:59:59-23:59"},
        {"start": "0001-01-01T00:00:00+23:59", "end": END},
    ],
)
def test_what_is_no_window_is_no_answer(window):
    with pytest.raises(ClmError, match="no window"):
        ari.hint(Said(window), VECTOR, NOW)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    with pebble(tmp_path_factory.mktemp("pebble")) as running:
        yield running


def test_replaces_is_sent_and_where_it_was_replaced_already_the_order_is_made_without_it(tmp_path, ca):
    world = AcmeWorld(tmp_path, ca)
    for token in ("", "once"):
        assert world.run(wanted("shop", forced=token))["shop"].state == "done"
    first, second = [Chain.parse(version.chain_pem).leaf for version in world.store.versions("shop")]
    issuer = world.issuer()
    told = orders_of(issuer)
    for leaf in (second, first):
        assert issuer.begin(replace(request_for("shop/000009-00000009", names=("shop.lab.example",)), replaces_pem=leaf.pem)).go_on
    names = [ari.certificate_id(leaf.pem) for leaf in (second, first)]
    assert told == [(names[0], ""), (names[1], "alreadyReplaced 409"), (None, "")]


def orders_of(issuer):
    """Of each order that is made from now on, what it replaces and how it was refused."""
    told, post = [], issuer.account.post

    def listening(url, payload=None):
        said = ""
        try:
            return post(url, payload)
        except Problem as problem:
            said = f"{problem.kind} {problem.status}"
            raise
        finally:
            if isinstance(payload, dict) and "identifiers" in payload:
                told.append((payload.get("replaces"), said))

    issuer.account.post = listening
    return told
