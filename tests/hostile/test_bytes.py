# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of any kind, and certificates with pieces cut out, doubled, moved and written over: a record or a refusal, within 2 s."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.tests.hostile import asn1, corpora, tally
from ansible_collections.certops.clm.tests.hostile.texts import BOUNDED, HOSTILE

AT = st.integers(0, len(asn1.LEAF))
PIECES = st.one_of(st.binary(max_size=60), st.sampled_from([text.encode("utf-8", "surrogatepass")[:300] for text in HOSTILE.values()]))
CUTS = st.lists(st.tuples(AT, AT, PIECES), min_size=1, max_size=4)

LABELS = ("CERTIFICATE", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "CERTIFICATE REQUEST", "X509 CRL", "PKCS7")


def carved(cuts):
    """The leaf with some of its bytes replaced, one after the other."""
    data = asn1.LEAF
    for one, two, piece in cuts:
        data = data[: min(one, two)] + piece + data[max(one, two) :]
    return data


def held(run):
    """Held to what every corpus is held to."""
    row = tally.measure("any bytes", [("this", run)])
    assert not row.mistakes and row.slowest < tally.TOO_LONG


@BOUNDED
@given(st.one_of(st.binary(max_size=400), CUTS.map(carved)))
def test_any_certificate(der):
    held(partial(corpora.certificate, der, asn1.LEAF))
    held(partial(corpora.intermediate, der))


@BOUNDED
@given(
    CUTS.map(carved), st.sampled_from(["CERTIFICATE", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "CERTIFICATE REQUEST", "X509 CRL", "PKCS7"])
)
def test_any_block(der, label):
    text = pem.encode(label, der).encode()
    held(partial(corpora.chain, text + corpora.ABOVE.pem.encode()))
    held(partial(corpora.private_key, text, corpora.PASSPHRASE, asn1.LEAF_KEY.public_key()))
    held(partial(corpora.csr, text, b""))


@BOUNDED
@given(st.binary(max_size=300), st.integers(0, len(corpora.CHAIN)))
def test_any_bytes_within_a_chain(piece, at):
    text = corpora.CHAIN.encode()
    held(partial(corpora.chain, text[:at] + piece + text[at:]))
