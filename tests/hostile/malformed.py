# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate for every way of being malformed that standards.md and RFC 5280 know, each signed by a CA that is trusted."""

from __future__ import annotations

from typing import Dict, Iterator, Tuple

from ansible_collections.certops.clm.tests.hostile.asn1 import (
    LEAF_KEY,
    SAN,
    bits,
    common,
    generalized,
    integer,
    leaf,
    name,
    octets,
    oid,
    seq,
    spki_of,
    tlv,
    utc,
)
from ansible_collections.certops.clm.tests.hostile.malformed_extensions import alternative_names, odd_extensions

SPKI = spki_of(LEAF_KEY)
EC_P256 = seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"))
RSA, DSA, DH = oid("1.2.840.113549.1.1.1"), oid("1.2.840.10040.4.1"), oid("1.2.840.113549.1.3.1")
NULL = b"\x05\x00"
LAST = utc("270202115959Z")
FIRST = utc("261104120000Z")


def frames() -> Dict[str, bytes]:
    """What is wrong with the frame: lengths, order, what stands behind."""
    good = leaf()
    return {
        "empty": b"",
        "one byte": b"\x30",
        "empty sequence": b"\x30\x00",
        "no sequence": b"\x31" + good[1:],
        "indefinite length": b"\x30\x80" + good[4:] + b"\x00\x00",
        "length in five bytes": b"\x30\x85\x00\x00\x00" + good[2:4] + good[4:],
        "length with a leading zero": b"\x30\x83\x00" + good[2:],
        "length of four gigabytes": b"\x30\x84\xff\xff\xff\xff" + good[4:],
        "trailing byte": good + b"\x00",
        "trailing certificate": good + good,
        "fourth part": leaf(tail=NULL),
        "nested ten thousand deep": nested(10_000),
        "a megabyte of zeros": tlv(0x30, bytes(1 << 20)),
        "tbs only": good[4:],
        "PEM instead of DER": b"-----BEGIN CERTIFICATE-----\n",
        "certificates of PKCS 7": seq(oid("1.2.840.113549.1.7.2"), tlv(0xA0, seq(integer(1), tlv(0x31), seq(oid("1.2.840.113549.1.7.1"))))),
        "Java keystore": b"\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01" + good,
        "HTML": b"<html><body>503 Service Unavailable</body></html>",
    }


def nested(depth: int) -> bytes:
    found = b""
    for _level in range(depth):
        found = tlv(0x30, found)
    return found


def numbers() -> Dict[str, bytes]:
    """Versions, serial numbers, algorithms and signatures."""
    return {
        "version 1 with extensions": leaf(version=b""),
        "version 2": leaf(version=tlv(0xA0, integer(1))),
        "version 99": leaf(version=tlv(0xA0, integer(98))),
        "version is negative": leaf(version=tlv(0xA0, integer(-1))),
        "version is no number": leaf(version=tlv(0xA0, NULL)),
        "serial zero": leaf(serial=integer(0)),
        "serial negative": leaf(serial=integer(-5)),
        "serial empty": leaf(serial=b"\x02\x00"),
        "serial padded": leaf(serial=b"\x02\x02\x00\x05"),
        "serial of 21 octets": leaf(serial=integer(1 << 160)),
        "serial of 100 kB": leaf(serial=tlv(0x02, b"\x7f" * 100_000)),
        "serial is no number": leaf(serial=NULL),
        "algorithms differ": leaf(outer=seq(oid("1.2.840.10045.4.3.3"))),
        "algorithm unknown": leaf(algorithm=seq(oid("1.2.3.4")), outer=seq(oid("1.2.3.4"))),
        "algorithm with a parameter": leaf(algorithm=seq(oid("1.2.840.10045.4.3.2"), NULL), outer=seq(oid("1.2.840.10045.4.3.2"), NULL)),
        "algorithm MD5": leaf(algorithm=seq(oid("1.2.840.113549.1.1.4"), NULL), outer=seq(oid("1.2.840.113549.1.1.4"), NULL)),
        "algorithm empty": leaf(algorithm=seq(), outer=seq()),
        "signature empty": leaf(signature=bits(b"")),
        "signature no bit string": leaf(signature=octets(b"x" * 70)),
        "signature of zeros": leaf(signature=bits(seq(integer(0), integer(0)))),
        "signature of another kind": leaf(signature=bits(b"\x00" * 256)),
        "unique identifiers": leaf(unique=tlv(0x81, b"\x00x") + tlv(0x82, b"\x00y")),
    }


def dates() -> Dict[str, bytes]:
    """Every date that is none."""
    odd = {
        "without seconds": utc("2611041200Z"),
        "with an offset": utc("261104120000+0100"),
        "without a zone": utc("261104120000"),
        "with a fraction": generalized("20261104120000.5Z"),
        "on 30 February": utc("260230120000Z"),
        "at 25 o'clock": utc("261104250000Z"),
        "in a leap second": utc("161231235960Z"),
        "of letters": utc("ABCDEFGHIJKLZ"),
        "of Arabic digits": tlv(0x17, "٢٦١١٠٤".encode()),
        "empty": utc(""),
        "in the year 0": generalized("00000101000000Z"),
        "in the year 1": generalized("00010101000000Z"),
        "GeneralizedTime before 2050": generalized("20261104120000Z"),
        "no time": NULL,
        "a sequence": seq(),
    }
    found = {f"begins {what}": leaf(validity=seq(value, LAST)) for what, value in odd.items()}
    found.update({f"ends {what}": leaf(validity=seq(FIRST, value)) for what, value in odd.items()})
    found["ends in the year 9999"] = leaf(validity=seq(FIRST, generalized("99991231235959Z")))
    found["ends before it begins"] = leaf(validity=seq(LAST, FIRST))
    found["one date"] = leaf(validity=seq(FIRST))
    found["three dates"] = leaf(validity=seq(FIRST, LAST, LAST))
    found["no validity"] = leaf(validity=b"")
    return found


def subjects() -> Dict[str, bytes]:
    """Names in every string type, and what is no name."""
    values = {
        "bad UTF-8": tlv(0x0C, b"\xff\xfe"),
        "odd BMPString": tlv(0x1E, b"\x00a\x00"),
        "lone surrogate in BMPString": tlv(0x1E, b"\xd8\x00"),
        "odd UniversalString": tlv(0x1C, b"\x00\x00\x00"),
        "UniversalString beyond Unicode": tlv(0x1C, b"\x7f\xff\xff\xff"),
        "T61String": tlv(0x14, b"M\xfcnchen"),
        "NumericString with letters": tlv(0x12, b"abc"),
        "PrintableString with *": tlv(0x13, b"*@\x00"),
        "IA5String with high bits": tlv(0x16, b"\xe9"),
        "VisibleString with newline": tlv(0x1A, b"a\nb"),
        "an integer": integer(5),
        "empty text": tlv(0x0C),
        "NUL in it": tlv(0x0C, b"a.example.com\x00.evil.example"),
        "a megabyte": tlv(0x0C, b"x" * 500_000),
    }
    found = {f"subject {what}": leaf(subject=name(value)) for what, value in values.items()}
    found.update({f"issuer {what}": leaf(issuer=name(value)) for what, value in values.items()})
    found["country of three letters"] = leaf(subject=name(tlv(0x13, b"DEU"), kind="2.5.4.6"))
    found["ten thousand attributes"] = leaf(subject=name(*[tlv(0x0C, b"x")] * 10_000))
    found["empty set"] = leaf(subject=seq(tlv(0x31)))
    found["attribute without a value"] = leaf(subject=seq(tlv(0x31, seq(oid("2.5.4.3")))))
    found["subject is no sequence"] = leaf(subject=NULL)
    found["subject with empty OID"] = leaf(subject=seq(tlv(0x31, seq(b"\x06\x00", tlv(0x0C, b"x")))))
    found["OID that does not end"] = leaf(subject=seq(tlv(0x31, seq(b"\x06\x02\x2a\x80", tlv(0x0C, b"x")))))
    found["OID of 100 kB"] = leaf(subject=seq(tlv(0x31, seq(tlv(0x06, b"\x2a" + b"\xff" * 100_000 + b"\x01"), tlv(0x0C, b"x")))))
    return found


def keys() -> Dict[str, bytes]:
    """Public keys that nobody can use."""

    def rsa(modulus: bytes, exponent: bytes) -> bytes:
        return seq(seq(RSA, NULL), bits(seq(modulus, exponent)))

    odd = (1 << 2047) + 1
    found = {
        "empty": seq(),
        "no bit string": seq(EC_P256, NULL),
        "of unknown kind": seq(seq(oid("1.2.3")), bits(b"x")),
        "not on the curve": seq(EC_P256, bits(b"\x04" + b"\x01" * 64)),
        "at infinity": seq(EC_P256, bits(b"\x00")),
        "cut": seq(EC_P256, bits(SPKI[-65:-3])),
        "with unused bits": seq(EC_P256, bits(SPKI[-65:], 3)),
        "on an unknown curve": seq(seq(oid("1.2.840.10045.2.1"), oid("1.2.3.4")), bits(SPKI[-65:])),
        "with explicit parameters": seq(seq(oid("1.2.840.10045.2.1"), seq(integer(1))), bits(SPKI[-65:])),
        "without a curve": seq(seq(oid("1.2.840.10045.2.1")), bits(SPKI[-65:])),
        "RSA modulus 0": rsa(integer(0), integer(3)),
        "RSA modulus negative": rsa(integer(-odd), integer(3)),
        "RSA exponent 1": rsa(integer(odd), integer(1)),
        "RSA exponent even": rsa(integer(odd), integer(2)),
        "RSA exponent negative": rsa(integer(odd), integer(-3)),
        "RSA of 512 bits": rsa(integer((1 << 511) + 1), integer(3)),
        "RSA of 100 kB": rsa(integer((1 << 800_000) + 1), integer(65537)),
        "RSA exponent of 100 kB": rsa(integer(odd), integer((1 << 800_000) + 1)),
        "RSA that is no sequence": seq(seq(RSA, NULL), bits(b"junk")),
        "DSA with inherited parameters": seq(seq(DSA), bits(integer(5))),
        "DSA of nothing": seq(seq(DSA, seq(integer(0), integer(0), integer(0))), bits(integer(0))),
        "Diffie-Hellman": seq(seq(DH, seq(integer(23), integer(5))), bits(integer(8))),
        "Ed25519 of 31 bytes": seq(seq(oid("1.3.101.112")), bits(b"\x01" * 31)),
        "X25519": seq(seq(oid("1.3.101.110")), bits(b"\x09" + bytes(31))),
        "ML-DSA of 3 bytes": seq(seq(oid("2.16.840.1.101.3.4.3.18")), bits(b"abc")),
        "no sequence": NULL,
    }
    return {f"key {what}": leaf(spki=value) for what, value in found.items()}


def kinds() -> Iterator[Tuple[str, bytes]]:
    """All of them, by name."""
    for group in (frames, numbers, dates, subjects, keys, alternative_names, odd_extensions):
        yield from group().items()
    yield "signature with unused bits", leaf_with_unused_bit()
    yield "common name that is no alternative name", leaf(subject=common("evil.example.com"))
    yield "no names at all", leaf(drop=[SAN])
    yield "issuer is itself", leaf(subject=common("above"))


def leaf_with_unused_bit() -> bytes:
    """A whole certificate whose signature's last bit, a zero, is said not to be used: OpenSSL refuses it."""
    for serial in range(1, 100):
        made = leaf(serial=integer(serial))
        if not made[-1] & 1:
            return leaf(serial=integer(serial), unused=1)
    raise AssertionError("no signature ends in a zero bit")
