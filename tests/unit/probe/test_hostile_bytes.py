# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever bytes come from outside, looking and judging end in an answer and never in another error."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils._probe_handshake import make_client, shake_hands
from ansible_collections.certops.clm.plugins.module_utils._probe_remarks import remarks
from ansible_collections.certops.clm.plugins.module_utils.contracts import NOT_SERVED, SERVED
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, Observation, judge
from ansible_collections.certops.clm.plugins.module_utils.starttls import KINDS, negotiate
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.tests.unit.probe.tls import NOW, Pki

PKI = Pki()
LEAF = PKI.leaf("shop.example")
ANCHORS = {"internal": Bundle.parse(PKI.root.pem)}
CLIENT = make_client()
BODIES = st.binary(max_size=200)
RECORDS = st.builds(lambda kind, body: bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body, st.integers(20, 24), BODIES)


@given(st.one_of(st.binary(max_size=300), st.lists(RECORDS, max_size=4).map(b"".join)))
@settings(max_examples=300, deadline=2000)
def test_any_bytes_instead_of_a_handshake_are_an_error_with_a_sentence(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises((ClmError, OSError)) as caught:
            shake_hands(ours, CLIENT, "shop.example", 1.0)
    assert str(caught.value)


@given(st.sampled_from([kind for kind in KINDS if kind != "none"]), st.binary(max_size=20).filter(lambda data: data[:1] != b"S"))
@settings(deadline=2000)
def test_any_bytes_instead_of_starttls_are_an_error_with_a_sentence(kind, data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(1.0)
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ClmError) as caught:
            negotiate(ours, kind)
        assert ours.gettimeout() == 1.0 and caught.value.message


def seen(*ders):
    return [Observation(Endpoint("shop.example", 443), "192.0.2.1", "answered", ders, len(ders), "")]


@given(st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=4))
def test_any_bytes_instead_of_certificates_are_judged(ders):
    assert judge(seen(*ders), sha256="", name="shop.example", anchors=ANCHORS, when=NOW).answer == NOT_SERVED
    assert isinstance(remarks(seen(*ders), NOW), list)


@given(st.integers(0, len(LEAF.der) * 8 - 1))
@settings(deadline=2000)
def test_a_leaf_with_one_bit_flipped_is_never_proven(bit):
    der = bytearray(LEAF.der)
    der[bit // 8] ^= 1 << bit % 8
    good = judge(seen(LEAF.der, PKI.intermediate.der), sha256="", name="shop.example", anchors=ANCHORS, when=NOW)
    answer = judge(seen(bytes(der), PKI.intermediate.der), sha256="", name="shop.example", anchors=ANCHORS, when=NOW)
    assert (good.answer, answer.answer) == (SERVED, NOT_SERVED)
