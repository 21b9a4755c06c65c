# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When issuers are asked for their windows, and what becomes of an answer that is late, wrong or missing."""

from __future__ import annotations

import datetime
from datetime import timedelta

import pytest

from ansible_collections.certops.clm.plugins.module_utils import hints
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.issuers._powers import Hint

NOW = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.timezone.utc)


class Ca:
    """Gives one answer, or raises it, and counts the questions."""

    def __init__(self, answer):
        self.answer, self.asked = answer, 0

    def window(self, certificate_pem):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def hint(wait=3600):
    return Hint(NOW + timedelta(days=1), NOW + timedelta(days=2), NOW + timedelta(seconds=wait), "https://ca.example/why")


def ask(ca, kept, later=0.0):
    return hints.refreshed(kept, {"a" * 64: (ca, "PEM")}, NOW + timedelta(seconds=later))


def test_an_answer_is_kept_until_the_issuer_wants_to_be_asked_again(tmp_path):
    ca = Ca(hint())
    kept = ask(ca, {})
    assert hints.windows(kept) == {"a" * 64: (NOW + timedelta(days=1), NOW + timedelta(days=2))}
    hints.write(str(tmp_path / "o.hints.json"), kept)
    assert hints.read(hints.file_of(str(tmp_path / "o.json"))) == kept
    assert ask(ca, kept, 3599) == kept and ca.asked == 1
    ask(ca, kept, 3600)
    assert ca.asked == 2


@pytest.mark.parametrize(
    "error, waits", [(UnavailableError("down"), [60, 600, 6000, 60000, 86400, 86400]), (ClmError("no window"), [21600] * 6)]
)
def test_a_failure_keeps_the_last_window_and_is_asked_again_later_each_time(error, waits):
    ca = Ca(hint(60))
    kept = ask(ca, {})
    window, when = hints.windows(kept), 60.0
    ca.answer = error
    for number, wait in enumerate(waits, 1):
        kept = ask(ca, kept, when)
        assert hints.windows(kept) == window and kept["a" * 64]["failures"] == number
        assert ask(ca, kept, when + wait - 1) == kept
        when += wait
    ca.answer = hint()
    assert "failures" not in ask(ca, kept, when)["a" * 64]


def test_what_was_replaced_is_forgotten_and_an_issuer_without_hints_is_no_window():
    kept = ask(Ca(None), {"b" * 64: {"start": "x"}})
    assert set(kept) == {"a" * 64} and hints.windows(kept) == {}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "hints": []}', '{"version": 1, "hints": {"a": 1}}', "[" * 100000]
)
def test_a_damaged_file_is_no_hint_and_no_error(tmp_path, text):
    path = tmp_path / "o.hints.json"
    path.write_text(text)
    assert hints.windows(hints.read(str(path))) == {} == hints.read(str(tmp_path / "none"))


@pytest.mark.parametrize("start, end", [("2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z"), ("soon", "later"), (None, None), (1, 2)])
def test_a_window_that_is_none_is_not_used(start, end):
    assert hints.windows({"a" * 64: {"start": start, "end": end}}) == {}
