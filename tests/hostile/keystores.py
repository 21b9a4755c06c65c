# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystores that somebody names where a PEM file belongs: JKS, PKCS 12, PKCS 7. Nothing here reads one; each is refused, or a record.

Their lengths are the same in every run, though salts are not.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import timezone
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.discover_server import discover
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect import inspect
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.path import verify
from ansible_collections.certops.clm.tests.hostile import asn1
from ansible_collections.certops.clm.tests.hostile.tally import MISTAKE, RECORD, REFUSED, Case, cuts, flips

PASSWORD = b"changeit"
NOTHING: Dict[str, Any] = {"kinds": [], "endpoints": [], "timeout": 1, "openssl": "openssl"}
ANCHORS = Bundle.of([asn1.ROOT, asn1.ABOVE])
FLIPS = 11  # every so many bits; every byte is cut behind


def stores() -> Dict[str, bytes]:
    """A keystore of each kind with the same key and chain."""
    leaf, above = (x509.load_der_x509_certificate(der) for der in (asn1.LEAF, asn1.ABOVE))
    closed = serialization.BestAvailableEncryption(PASSWORD)
    return {
        "JKS": jks(),
        "PKCS 12": pkcs12.serialize_key_and_certificates(b"shop", asn1.LEAF_KEY, leaf, [above], closed),
        "PKCS 12 in clear": pkcs12.serialize_key_and_certificates(b"shop", asn1.LEAF_KEY, leaf, [above], serialization.NoEncryption()),
        "PKCS 7 in DER": pkcs7.serialize_certificates([leaf, above], serialization.Encoding.DER),
        "PKCS 7 in PEM": pkcs7.serialize_certificates([leaf, above], serialization.Encoding.PEM),
    }


def jks() -> bytes:
    """The old format of Java: a trusted certificate and a key with its chain, closed with the digest of it all."""

    def text(value: str) -> bytes:
        return struct.pack(">H", len(value)) + value.encode()

    def certificate(der: bytes) -> bytes:
        return text("X.509") + struct.pack(">I", len(der)) + der

    sealed = asn1.seq(asn1.seq(asn1.oid("1.3.6.1.4.1.42.2.17.1.1"), b"\x05\x00"), asn1.octets(bytes(range(178))))
    chain = certificate(asn1.LEAF) + certificate(asn1.ABOVE)
    key = struct.pack(">I", 1) + text("shop") + struct.pack(">QI", 0, len(sealed)) + sealed + struct.pack(">I", 2) + chain
    trusted = struct.pack(">I", 2) + text("root") + struct.pack(">Q", 0) + certificate(asn1.ROOT)
    body = struct.pack(">III", 0xFEEDFEED, 2, 2) + key + trusted
    return body + hashlib.sha1(PASSWORD.decode().encode("utf-16-be") + b"Mighty Aphrodite" + body).digest()


def read(path: Path, data: bytes, when: Any) -> str:
    """Every way that a file of the user comes in: it never gives a key, nor a chain that is taken for good."""
    path.write_bytes(data)
    outcomes, facts = inspect([{"id": "x", "path": str(path)}], lambda: when)
    assert set(outcomes) == {"x"} and (facts.get("x") or outcomes["x"].message)
    found = discover({**NOTHING, "files": [str(path)]}, lambda: when)
    assert len(found["findings"]) == 1 and not found["errors"], found
    taken = verdict_of(partial(keys.load, Secret(data), None)) or verdict_of(partial(keys.load, Secret(data), Secret(PASSWORD)))
    taken = taken or any(verdict_of(partial(one, data)) for one in (pem.split, Bundle.parse))
    judged = verify([Certificate.parse(data)], ANCHORS, name=None, when=when)
    if taken or judged.ok or found["findings"][0]["chain_pem"]:
        return MISTAKE
    return RECORD if facts.get("x") else REFUSED


def verdict_of(run: Any) -> bool:
    """Whether it was taken, and not refused."""
    try:
        run()
    except ClmError:
        return False
    return True


def cases(place: Path, when: Any) -> Iterator[Case]:
    """Every cut and every eleventh flip of each keystore, and each as it is."""
    assert when.tzinfo is timezone.utc
    for kind, data in stores().items():
        yield f"{kind}, whole", partial(read, place / "store", data, when)
        for what, one in (*cuts(data), *flips(data, FLIPS)):
            yield f"{kind}, {what}", partial(read, place / "store", one, when)
