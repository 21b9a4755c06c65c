# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every corpus: nothing raises, nothing is taken by mistake, nothing takes 2 s, and each case ends as a record or a refusal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.path import verify
from ansible_collections.certops.clm.tests.hostile import asn1, corpora, malformed, tally
from ansible_collections.certops.clm.tests.support.environment import not_there
from ansible_collections.certops.clm.tests.unit.x509 import test_limbo

RESULTS = Path(__file__).parent / "results" / "corpus.json"
BROUGHT = {
    "certificates of zlint's own tests": (
        corpora.ZLINT.is_dir(),
        "zlint-source",
        f"zlint's source is not at {corpora.ZLINT}: tools/environment.py servers",
    ),
    "chains of x509-limbo": (test_limbo.VECTORS.is_file(), "x509-limbo", test_limbo.MISSING),
}
KNOWN = {row["corpus"]: row for row in json.loads(RESULTS.read_text())["corpora"]}


NAMES = list(corpora.make(Path("/nonexistent")))


def is_open(corpus):
    return [pytest.mark.xfail(strict=True, reason=corpora.OPEN[corpus])] if corpus in corpora.OPEN else []


@pytest.mark.parametrize("corpus", [pytest.param(one, marks=is_open(one)) for one in NAMES])
def test_corpus(corpus, tmp_path):
    there, name, reason = BROUGHT.get(corpus, (True, "", ""))
    if not there:
        not_there(name, reason)
    row = tally.measure(corpus, corpora.make(tmp_path)[corpus])
    assert not row.mistakes
    assert row.cases == row.counts[tally.RECORD] + row.counts[tally.REFUSED] > 0
    assert row.slowest < tally.TOO_LONG, row.slowest_case
    assert KNOWN[corpus]["cases"] == row.cases, "run .venv/bin/python tests/hostile/corpus.py"


def test_the_results_are_of_these_corpora_and_good():
    assert list(KNOWN) == [one for one in NAMES if one not in corpora.OPEN]
    assert all(row["accepted_by_mistake"] == 0 and row["slowest_ms_below"] <= 2000 for row in KNOWN.values())


def test_the_certificate_that_was_damaged_is_good():
    chain = [Certificate.parse(asn1.LEAF), Certificate.parse(asn1.ABOVE)]
    assert verify(chain, corpora.ANCHORS, name=corpora.NAME, when=corpora.NOW).ok
    assert corpora.certificate(asn1.LEAF) == tally.MISTAKE, "a corpus can tell"


def test_every_odd_certificate_that_is_taken_has_its_reason_and_no_other():
    taken = set()
    for what, der in malformed.kinds():
        if verify([Certificate.parse(der), corpora.ABOVE], corpora.ANCHORS, name=corpora.NAME, when=corpora.NOW).ok:
            taken.add(what)
    assert taken == set(corpora.TAKEN) and all(corpora.TAKEN.values())


@pytest.mark.parametrize("bad", ["raises", "silent", "many lines"])
def test_the_measure_itself_can_fail(bad):
    def run():
        if bad == "raises":
            raise ValueError("x")
        raise tally.ClmError("" if bad == "silent" else "a\nb")

    with pytest.raises(AssertionError, match="c1"):
        tally.measure("corpus", [("c1", run)])
