# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates whose extensions are malformed: alternative names that are none, and everything else."""

from __future__ import annotations

from typing import Dict

from ansible_collections.certops.clm.tests.hostile.asn1 import (
    AKI,
    BASIC,
    CRITICAL,
    EKU,
    KU,
    SAN,
    SERVER_AUTH,
    SKI,
    bits,
    dns,
    extension,
    integer,
    leaf,
    octets,
    oid,
    seq,
    tlv,
)

NULL = b"\x05\x00"


def alternative_names() -> Dict[str, bytes]:
    """Alternative names that are none."""
    values = {
        "empty": seq(),
        "not a sequence": NULL,
        "empty DNS name": dns(""),
        "DNS name not ASCII": dns("münchen.de"),
        "DNS name bad bytes": dns(b"\xff\x00"),
        "DNS name with NUL": dns("a.example.com\x00.evil.example"),
        "DNS name with a newline": dns("a.example.com\nb"),
        "wildcard alone": dns("*"),
        "wildcard inside": dns("a.*.example.com"),
        "two wildcards": dns("*.*.com"),
        "partial wildcard": dns("a*.example.com"),
        "trailing dot": dns("a.example.com."),
        "address of 3 bytes": seq(tlv(0x87, b"\x7f\x00\x00")),
        "address of 0 bytes": seq(tlv(0x87)),
        "address with a mask": seq(tlv(0x87, b"\x7f\x00\x00\x01\xff\xff\xff\x00")),
        "mail not ASCII": seq(tlv(0x81, "ä@ö".encode())),
        "URI not ASCII": seq(tlv(0x86, "http://ö/".encode())),
        "X.400 address": seq(tlv(0xA3, seq())),
        "EDI party": seq(tlv(0xA5, tlv(0xA1, tlv(0x0C, b"x")))),
        "directory name bad": seq(tlv(0xA4, NULL)),
        "other name bad": seq(tlv(0xA0, NULL)),
        "unknown kind": seq(tlv(0x8F, b"x")),
        "registered id bad": seq(tlv(0x88, b"\x80")),
        "ten thousand": dns(*(f"n{number}.example.com" for number in range(10_000))),
        "name of 100 kB": dns("x" * 100_000),
        "CN instead of a name": dns("other.example.com"),
    }
    return {f"alternative name: {what}": leaf(names=value) for what, value in values.items()}


def odd_extensions() -> Dict[str, bytes]:
    """Extensions twice, cut, of the wrong kind, critical and unknown."""

    def with_one(kind: str, value: bytes, critical: bytes = b"") -> bytes:
        return leaf(more={kind: extension(kind, value, critical=critical)})

    access = "1.3.6.1.5.5.7.1.1"
    return {
        "no extensions": leaf(extensions=b""),
        "extensions empty": leaf(extensions=tlv(0xA3, seq())),
        "extensions no sequence": leaf(extensions=tlv(0xA3, NULL)),
        "twice the names": leaf(more={"again": extension(SAN, dns("evil.example.com"))}),
        "twice the same key identifier": leaf(more={"again": extension(SKI, octets(b"x"))}),
        "unknown and critical": leaf(more={"x": extension("1.2.3.4", NULL, critical=CRITICAL)}),
        "unknown": leaf(more={"x": extension("1.2.3.4", b"\xff")}),
        "critical is 1": with_one(SAN, dns("a.example.com"), tlv(0x01, b"\x01")),
        "critical said to be false": with_one(SKI, octets(b"x" * 20), tlv(0x01, b"\x00")),
        "basic constraints bad": with_one(BASIC, NULL, CRITICAL),
        "path length negative": with_one(BASIC, seq(CRITICAL, integer(-1)), CRITICAL),
        "path length huge": with_one(BASIC, seq(CRITICAL, integer(1 << 70)), CRITICAL),
        "path length without CA": with_one(BASIC, seq(integer(3)), CRITICAL),
        "CA as a leaf": with_one(BASIC, seq(CRITICAL), CRITICAL),
        "key usage empty": with_one(KU, bits(b""), CRITICAL),
        "key usage of zeros": with_one(KU, bits(b"\x00"), CRITICAL),
        "key usage bad": with_one(KU, NULL, CRITICAL),
        "key usage of a CA": with_one(KU, bits(b"\x06", 1), CRITICAL),
        "extended key usage empty": with_one(EKU, seq()),
        "extended key usage bad": with_one(EKU, NULL),
        "extended key usage for mail": with_one(EKU, seq(oid("1.3.6.1.5.5.7.3.4"))),
        "any extended key usage critical": with_one(EKU, seq(SERVER_AUTH, oid("2.5.29.37.0")), CRITICAL),
        "key identifier bad": with_one(SKI, NULL),
        "key identifier empty": with_one(SKI, octets(b"")),
        "authority bad": with_one(AKI, NULL),
        "authority empty": with_one(AKI, seq()),
        "authority of another": with_one(AKI, seq(tlv(0x80, b"other"))),
        "CRL points bad": with_one("2.5.29.31", NULL),
        "CRL point relative": with_one("2.5.29.31", seq(seq(tlv(0xA0, tlv(0xA1, seq()))))),
        "CRL point empty": with_one("2.5.29.31", seq(seq())),
        "information access bad": with_one(access, NULL),
        "information access of no URL": with_one(access, seq(seq(oid("1.3.6.1.5.5.7.48.1"), tlv(0x82, b"x")))),
        "TLS feature bad": with_one("1.3.6.1.5.5.7.1.24", seq(integer(1 << 40))),
        "SCT list bad": with_one("1.3.6.1.4.1.11129.2.4.2", octets(b"\x00\xff")),
        "poison": with_one("1.3.6.1.4.1.11129.2.4.3", NULL, CRITICAL),
        "policies bad": with_one("2.5.29.32", NULL),
        "name constraints in a leaf": with_one("2.5.29.30", seq(), CRITICAL),
        "bytes behind a value": with_one(SKI, octets(b"x" * 20) + b"\x00"),
        "BER boolean in basic constraints": with_one(BASIC, seq(tlv(0x01, b"\x01")), CRITICAL),
        "thousand extensions": leaf(more={str(one): extension(f"1.2.3.{one}", NULL) for one in range(1000)}),
    }
