# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is served decides whether to deploy."""

from __future__ import annotations

from cryptography import x509

from ansible_collections.certops.clm.plugins.module_utils.policy.deployment import reason_to_deploy
from ansible_collections.certops.clm.tests.unit.x509.make import DAY, NOW, make, tree

LEAF, ABOVE, ROOT = tree()
OLD = make(None, ABOVE, names=[x509.DNSName("a.example.com")], serial=77).certificate
WANTED = (LEAF.certificate, ABOVE.certificate)


def word(served, wanted=WANTED, known=(OLD.sha256, LEAF.certificate.sha256), **more):
    reason = reason_to_deploy(served, wanted, known, **more)
    return reason.word if reason else None


def test_the_words():
    assert word(WANTED) is None and word((*WANTED, ROOT.certificate)) is None
    assert word(()) == "not_served" and word((OLD, ABOVE.certificate)) == "not_served"
    assert word((OLD,), known=()) == "foreign" and word((ROOT.certificate,)) == "foreign"
    assert word(WANTED[:1]) == "incomplete_chain" and word((WANTED[0], ROOT.certificate)) == "incomplete_chain"
    assert word((), ()) is None and word(WANTED, (*WANTED, ROOT.certificate)) is None


def test_where_only_the_leaf_could_be_seen_nothing_is_said_of_the_chain():
    assert word(WANTED[:1], chain_seen=False) is None and word((OLD,), chain_seen=False) == "not_served"


def test_a_cross_sign_of_the_same_ca_does_as_well():
    cross = make("intermediate", make("other", ca=True), ca=True, key=ABOVE.key).certificate
    assert word((LEAF.certificate, cross)) is None


def test_the_sentence_names_both_and_that_it_expired():
    sentence = reason_to_deploy((OLD,), WANTED, (), now=NOW + 400 * DAY).sentence
    assert OLD.sha256[:16] in sentence and LEAF.certificate.sha256[:16] in sentence and "expired at" in sentence
