# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate is always a record: what cannot be read is said, and parsing never raises."""

from __future__ import annotations

import ipaddress
import json
import time
import warnings

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509._show import quiet, quietly
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import FACTS, Certificate
from ansible_collections.certops.clm.tests.unit.x509.make import KEY_TYPES, NOW, make, tree

LEAF, ABOVE, ROOT = tree()
DER = LEAF.certificate.der


def full():
    names = [
        x509.DNSName("A.example.com"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.RFC822Name("a@example.com"),
        x509.UniformResourceIdentifier("spiffe://x/y"),
        x509.DirectoryName(x509.Name([])),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.OtherName(x509.ObjectIdentifier("1.2.4"), b"\x05\x00"),
    ]
    ocsp = x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp.example"))
    extra = [
        x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/a")], None, None, None)]),
        x509.AuthorityInformationAccess([ocsp]),
        x509.TLSFeature([x509.TLSFeatureType.status_request]),
    ]
    return make("leaf", ABOVE, names=names, extensions=extra).certificate


def test_every_fact_is_read():
    certificate = full()
    facts = certificate.as_dict()
    assert facts["malformed"] == [] and set(FACTS) < set(facts)
    assert facts["names"] == ["A.example.com", "192.0.2.1"] and facts["names_count"] == 7
    assert facts["other_names"] == ["email:a@example.com", "uri:spiffe://x/y", "dirname:", "rid:1.2.3", "other:1.2.4"]
    assert facts["not_before"] == "2026-11-04T12:00:00Z" and facts["key_type"] == "ecdsa-p256" and facts["signature"] == "ecdsa-sha256"
    assert facts["subject"] == "CN=leaf" and facts["issuer"] == "CN=intermediate" and facts["serial"] == "1234567890abcdef"
    assert facts["crl_urls"] == ["http://crl.example/a"] and facts["ocsp_urls"] == ["http://ocsp.example"] and facts["must_staple"]
    assert facts["extended_key_usage"] == ["server_auth"] and facts["aki"] == ABOVE.certificate.ski and not facts["self_issued"]
    assert facts["spki_sha256"] == keys.spki_sha256(certificate.native.public_key())
    json.dumps(facts)


def test_a_ca_says_so():
    facts = ROOT.certificate.as_dict()
    assert facts["is_ca"] and facts["self_issued"] and facts["path_length"] is None and facts["key_usage"] == ["key_cert_sign", "crl_sign"]


def test_identity_is_the_der():
    assert Certificate.parse(DER) == LEAF.certificate and hash(Certificate.parse(DER)) == hash(LEAF.certificate)
    assert Certificate.from_pem(LEAF.pem) == LEAF.certificate
    with pytest.raises(MalformedError):
        Certificate.from_pem(LEAF.pem + ABOVE.pem)


def is_a_record(certificate):
    facts = certificate.as_dict()
    json.dumps(facts)
    for name in FACTS:
        getattr(certificate, name)
    return facts


@given(at=st.integers(0, len(DER) - 1), value=st.integers(0, 255))
def test_one_changed_byte_is_still_a_record(at, value):
    damaged = bytearray(DER)
    damaged[at] = value
    is_a_record(Certificate.parse(bytes(damaged)))


@settings(max_examples=50)
@given(st.integers(0, len(DER) - 1))
def test_a_cut_certificate_is_a_malformed_record(end):
    assert is_a_record(Certificate.parse(DER[:end]))["malformed"]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_malformed_record(data):
    assert is_a_record(Certificate.parse(data))["malformed"]


def test_what_can_be_read_of_a_refused_certificate_is_read():
    at = DER.index(bytes.fromhex("0603551d23"))  # the OID of the AKI: its extension becomes a second SKI
    damaged = Certificate.parse(DER[: at + 4] + b"\x0e" + DER[at + 5 :])
    assert damaged.not_after == LEAF.certificate.not_after and damaged.spki_sha256 == LEAF.certificate.spki_sha256
    assert damaged.dns_names == () and any("extensions" in one for one in damaged.malformed)


def test_malformed_does_not_depend_on_what_was_read_before():
    first, second = Certificate.parse(DER[:-1]), Certificate.parse(DER[:-1])
    assert second.subject == "" and second.names == ()
    assert first.malformed == second.malformed


def test_ten_thousand_names_are_capped_in_results_only():
    many = make(None, ABOVE, names=[x509.DNSName(f"n{number}.example.com") for number in range(10_000)]).certificate
    begin = time.process_time()
    facts = many.as_dict()
    assert time.process_time() - begin < 2
    assert len(many.names) == 10_000 and len(facts["names"]) == len(facts["dns_names"]) == 1000 and facts["names_count"] == 10_000


def test_a_huge_certificate_is_not_parsed():
    huge = b"\x30\x83" + (1 << 20).to_bytes(3, "big") + bytes(1 << 20)
    assert any("larger" in one for one in Certificate.parse(huge).malformed)


def test_a_serial_of_zero_is_no_warning(recwarn):
    assert Certificate.parse(make("x", serial=1).certificate.der).serial == "1"
    zero = make("x", serial=0x55).certificate.der.replace(b"\x02\x01\x55", b"\x02\x01\x00", 1)
    assert Certificate.parse(zero).native is not None and not recwarn.list


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_every_key_type_has_its_word(key_type):
    made = make("x", key=keys.generate(key_type))
    assert made.certificate.key_type == key_type and made.certificate.malformed == ()


def test_a_point_that_is_on_no_curve_has_no_key_type():
    at = DER.index(LEAF.certificate.fields.spki) + len(LEAF.certificate.fields.spki) - 1
    off = Certificate.parse(DER[:at] + bytes([DER[at] ^ 1]) + DER[at + 1 :])
    assert LEAF.certificate.key_type == "ecdsa-p256" and off.native is not None
    assert off.key_type == "unknown" and any(one.startswith("key_type: ") for one in off.malformed)


def test_one_issuer_has_one_text_and_another_has_its_own():
    first, second, other = (make("x", ABOVE).certificate, make("y", ABOVE).certificate, make("x").certificate)
    for certificate in (first, second, other, first):
        assert certificate.issuer == certificate.native.issuer.rfc4514_string()
    assert first.issuer is second.issuer != other.issuer
    assert Certificate.parse(DER[:-1]).issuer == "" and Certificate.parse(b"").issuer == ""


def test_dates_are_aware():
    assert LEAF.certificate.not_before < NOW < LEAF.certificate.not_after


def test_while_many_are_read_quietly_nothing_is_shown_and_afterwards_it_is_again(recwarn):
    with quiet:
        with quiet:
            warnings.warn("inner", stacklevel=1)
        quietly(lambda: warnings.warn("read", stacklevel=1))
        warnings.warn("outer", stacklevel=1)
    assert not recwarn.list
    warnings.warn("told", stacklevel=1)
    assert [str(one.message) for one in recwarn.list] == ["told"]
