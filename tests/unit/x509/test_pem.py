# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict PEM: nothing is ever read as less than it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.tests.unit.x509.make import tree

LEAF, ABOVE, ROOT = tree()
ONE, TWO = LEAF.pem, LEAF.pem + ABOVE.pem


def ders(text):
    return [block.der for block in pem.split(text)]


def test_every_prefix_of_two_certificates_is_refused_unless_it_is_whole():
    accepted = {}
    for end in range(len(TWO) + 1):
        try:
            accepted[end] = len(pem.split(TWO[:end]))
        except MalformedError:
            pass
    whole = len(ONE)  # with and without its last newline
    assert accepted == {whole - 1: 1, whole: 1, len(TWO) - 1: 2, len(TWO): 2}


def test_every_suffix_of_two_certificates_is_refused_unless_it_is_whole():
    accepted = []
    for start in range(len(TWO) + 1):
        try:
            accepted.append((start, len(pem.split(TWO[start:]))))
        except MalformedError:
            pass
    assert accepted == [(0, 2), (len(ONE) - 1, 1), (len(ONE), 1)]


@given(at=st.integers(0, len(TWO) - 1), what=st.characters(codec="utf-8"))
def test_a_changed_character_is_refused_or_changes_a_certificate_but_loses_none(at, what):
    try:
        found = ders(TWO[:at] + what + TWO[at + 1 :])
    except MalformedError:
        return
    assert len(found) == 2


@given(st.binary(max_size=400) | st.text(max_size=400))
def test_any_input_is_split_or_refused(data):
    try:
        assert pem.split(data)
    except MalformedError as error:
        assert error.message


@pytest.mark.parametrize(
    "text",
    [
        TWO.replace("\n", "\r\n"),
        "\ufeff" + TWO,
        "# our chain, größer\n" + ONE + "\nsubject=/CN=above\n--- next ---\n----------------\n" + ABOVE.pem + "\n\n",
        TWO.rstrip("\n"),
        TWO.encode(),
    ],
)
def test_text_around_line_ends_and_a_byte_order_mark_are_fine(text):
    assert ders(text) == [LEAF.certificate.der, ABOVE.certificate.der]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no PEM block"),
        (ONE.replace("-----END", " -----END"), "garbled"),
        (ONE.replace("BEGIN CERTIFICATE-----\n", "BEGIN CERTIFICATE-----"), "garbled"),
        (ONE + "-----END CERTIFICATE-----\n", "cut at its beginning"),
        (ONE.replace("END CERTIFICATE", "END X509 CERTIFICATE"), "garbled"),
        (ONE.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), "TRUSTED"),
        (ONE.replace("CERTIFICATE", "CERTIFICATE REQUEST"), "CERTIFICATE REQUEST"),
        (ONE.replace("CERTIFICATE-----\nMII", "CERTIFICATE-----\nComment: x\nMII"), "headers"),
        (pem.encode("CERTIFICATE", LEAF.certificate.der + b"\0"), "DER length"),
        (pem.encode("CERTIFICATE", LEAF.certificate.der[:-1]), "DER length"),
        (pem.encode("CERTIFICATE", b"\x30\x80\x00\x00"), "DER length"),
        (pem.encode("CERTIFICATE", b"\x30\x81\x01\x00"), "DER length"),
        (pem.encode("CERTIFICATE", b"\x30\x82\x00\x80" + bytes(128)), "DER length"),
    ],
)
def test_what_is_not_whole_is_refused_with_a_reason(text, word):
    with pytest.raises(MalformedError, match=word):
        pem.split(text)


@pytest.mark.parametrize("label", pem.KEY_LABELS)
def test_a_private_key_is_never_taken_for_a_certificate_nor_shown(label):
    key = pem.encode(label, b"\x30\x06secret")
    with pytest.raises(MalformedError, match="private key") as caught:
        pem.split(TWO + key)
    assert "c2VjcmV0" not in str(caught.value) and "secret" not in str(caught.value)
    (block,) = pem.split(key, allow=pem.KEY_LABELS)
    assert block.der == b"\x30\x06secret" and "secret" not in repr(block)


def test_an_old_encrypted_key_is_taken_with_its_headers_where_keys_are_allowed():
    text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
    assert [block.label for block in pem.split(text, allow=("RSA PRIVATE KEY",))] == ["RSA PRIVATE KEY"]


def test_more_than_the_limit_is_refused():
    with pytest.raises(MalformedError, match="at most 1"):
        pem.split(TWO, limit=1)


@given(st.binary(min_size=1, max_size=200))
def test_encode_and_split_are_inverse(data):
    der = b"\x30" + (bytes([len(data)]) if len(data) < 128 else b"\x81" + bytes([len(data)])) + data
    text = pem.encode("CERTIFICATE", der)
    assert ders(text) == [der] and max(map(len, text.splitlines())) <= 64


def test_a_text_is_canonical_only_when_it_is_what_encode_makes():
    whole, der = LEAF.pem, LEAF.certificate.der
    assert pem.canonical(pem.CERTIFICATE, whole) == der
    for text in (whole[:-1], "\n" + whole, whole.replace("\n", "\r\n"), whole + whole, whole.replace("\nM", "\n M"), whole[:-30], "", "x"):
        assert pem.canonical(pem.CERTIFICATE, text) is None
    assert pem.canonical(pem.REQUEST, whole) is None and pem.canonical(pem.CERTIFICATE, pem.encode(pem.CERTIFICATE, der[:-1])) is None


def test_leaf_facts_are_those_of_the_library():
    native, facts = LEAF.certificate.native, pem.leaf_facts(LEAF.certificate.der)
    assert (facts.not_before, facts.not_after) == (native.not_valid_before_utc, native.not_valid_after_utc)
    assert facts.sha256 == LEAF.certificate.sha256 and facts.not_after.tzinfo is not None
    assert facts.spki_sha256 == pem.sha256(facts.spki_der)


@given(at=st.integers(0, len(LEAF.certificate.der) - 1), value=st.integers(0, 255))
def test_leaf_facts_of_damaged_bytes_are_facts_or_refused(at, value):
    damaged = bytearray(LEAF.certificate.der)
    damaged[at] = value
    try:
        assert pem.leaf_facts(bytes(damaged)).not_after.tzinfo
    except MalformedError:
        pass


def test_ten_thousand_certificates_are_split_in_time(record_property):
    import time

    text = ONE * 10_000
    begin = time.process_time()
    assert len(pem.split(text)) == 10_000
    record_property("seconds", time.process_time() - begin)
    assert time.process_time() - begin < 5  # measured 0.1 s
