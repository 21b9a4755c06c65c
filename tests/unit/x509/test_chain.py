# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains in any order come out in the one order, bundles in the order of their hashes."""

from __future__ import annotations

from itertools import permutations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain, is_signed_by
from ansible_collections.certops.clm.tests.unit.x509.make import make, tree

LEAF, ABOVE, ROOT = tree()
OTHER = tree()


@pytest.mark.parametrize("order", list(permutations([LEAF, ABOVE, ROOT])))
def test_any_order_gives_leaf_and_intermediate_without_the_root(order):
    chain = Chain.parse("".join(one.pem for one in order))
    assert chain.pem == LEAF.pem + ABOVE.pem and chain.sha256 == LEAF.certificate.sha256
    assert any("root" in note for note in chain.notes)
    assert any("order" in note for note in chain.notes) is (order[:2] != (LEAF, ABOVE))


def test_duplicates_are_left_out():
    chain = Chain.parse([one.certificate.der for one in (LEAF, ABOVE, ABOVE, LEAF)])
    assert chain.intermediates == (ABOVE.certificate,) and chain.notes == ("2 duplicates left out",)
    assert chain.intermediates_pem == ABOVE.pem and chain.leaf_pem == LEAF.pem


def test_a_chain_as_it_should_be_has_no_notes():
    assert Chain.parse(LEAF.pem + ABOVE.pem).notes == () and Chain.parse(LEAF.pem).intermediates == ()


def test_a_foreign_intermediate_is_left_out_and_named():
    chain = Chain.parse(LEAF.pem + ABOVE.pem + ROOT.pem + make("stray", ROOT, ca=True).pem)
    assert chain.intermediates == (ABOVE.certificate,) and any("not between" in note for note in chain.notes)


def test_two_leaves_are_refused():
    with pytest.raises(MalformedError, match="2 leaf certificates"):
        Chain.parse(LEAF.pem + OTHER[0].pem + ABOVE.pem)


def test_more_than_sixteen_and_none_and_garbage_are_refused():
    for source in ([LEAF.certificate.der] * 17, [], [b"x"], "", LEAF.pem * 17):
        with pytest.raises(MalformedError):
            Chain.parse(source)


@pytest.mark.parametrize("identifiers", [True, False])
def test_an_issuer_with_the_same_name_and_another_key_is_found_by_its_signature(identifiers):
    twin = make("intermediate", ROOT, ca=True, identifiers=identifiers)
    for order in ((LEAF, twin, ABOVE), (LEAF, ABOVE, twin)):
        assert Chain.parse([one.certificate.der for one in order]).intermediates == (ABOVE.certificate,)


def test_the_key_and_the_signatures_are_checked():
    chain = Chain.parse(LEAF.pem + ABOVE.pem)
    chain.check_key(LEAF.certificate.spki_sha256)
    chain.check_signatures()
    with pytest.raises(MalformedError, match="for the key"):
        chain.check_key(ABOVE.certificate.spki_sha256)
    with pytest.raises(MalformedError, match="not signed by"):
        Chain.parse(LEAF.pem + OTHER[1].pem).check_signatures()
    assert not is_signed_by(LEAF.certificate, LEAF.certificate)


def with_algorithms(inner: str, outer: str) -> Certificate:
    """The leaf, whose signature is by ECDSA with SHA-256, with what it says of that changed in one place or in both."""
    name = bytes.fromhex("06082a8648ce3d040302")
    first, second, third = LEAF.certificate.der.split(name)
    return Certificate.parse(first + bytes.fromhex(inner) + second + bytes.fromhex(outer) + third)


@pytest.mark.parametrize("last", ["01", "03", "04", "ff"])
def test_a_certificate_that_says_another_algorithm_than_made_its_signature_is_not_signed(last):
    right, wrong = "06082a8648ce3d040302", f"06082a8648ce3d0403{last}"
    assert is_signed_by(with_algorithms(right, right), ABOVE.certificate)
    for inner, outer in ((right, wrong), (wrong, right), (wrong, wrong)):
        assert not is_signed_by(with_algorithms(inner, outer), ABOVE.certificate)


def test_a_signature_or_what_it_signs_that_was_changed_is_seen():
    der = LEAF.certificate.der
    for at in (len(der) - 1, der.index(b"example")):
        assert not is_signed_by(Certificate.parse(der[:at] + bytes([der[at] ^ 1]) + der[at + 1 :]), ABOVE.certificate)


def test_equal_bundles_are_equal_text():
    first, second = Bundle.parse(ROOT.pem + ABOVE.pem + ROOT.pem), Bundle.parse(ABOVE.pem + "\n# comment\n" + ROOT.pem)
    assert first == second and first.pem == second.pem and len(first.certificates) == 2
    assert [one.sha256 for one in first.certificates] == sorted(one.sha256 for one in first.certificates)


def test_one_unreadable_certificate_does_not_take_the_others_with_it():
    bundle = Bundle.of([ROOT.certificate.der, b"\x30\x00"])
    assert bundle.certificates == (ROOT.certificate,) and len(bundle.malformed) == 1
    with pytest.raises(MalformedError, match="no certificate"):
        Bundle.of([b"\x30\x00"])


def test_a_key_in_a_bundle_is_refused():
    with pytest.raises(MalformedError, match="private key"):
        Bundle.parse(ROOT.pem + "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n")


def test_the_public_roots_are_all_read(recwarn):
    bundle = Bundle.public()
    assert len(bundle.certificates) > 100 and bundle.malformed == () and bundle.faults == {} and not recwarn.list
    assert Bundle.public() is bundle
