# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DER by hand, also where it is wrong: certificates that no library would make, signed as a CA would sign them."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Union

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Bytes = Union[bytes, Sequence[bytes]]


def tlv(tag: int, *parts: bytes) -> bytes:
    """One value in its shortest form."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def seq(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def integer(number: int) -> bytes:
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    out = b""
    for arc in (40 * first + second, *rest):
        digits = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            digits.append(arc & 0x7F | 0x80)
        out += bytes(reversed(digits))
    return tlv(0x06, out)


def bits(data: bytes, unused: int = 0) -> bytes:
    return tlv(0x03, bytes([unused]), data)


def octets(data: bytes) -> bytes:
    return tlv(0x04, data)


def utc(text: str) -> bytes:
    return tlv(0x17, text.encode())


def generalized(text: str) -> bytes:
    return tlv(0x18, text.encode())


def name(*values: bytes, kind: str = "2.5.4.3") -> bytes:
    """A distinguished name of one attribute kind; each value is a whole DER value."""
    return seq(*(tlv(0x31, seq(oid(kind), value)) for value in values))


def common(text: str) -> bytes:
    return name(tlv(0x0C, text.encode("utf-8", "surrogatepass")))


def extension(kind: str, value: bytes, *, critical: Optional[bytes] = None) -> bytes:
    return seq(oid(kind), critical or b"", octets(value))


CRITICAL = tlv(0x01, b"\xff")
EC_SHA256 = seq(oid("1.2.840.10045.4.3.2"))
SAN, EKU, KU, BASIC, SKI, AKI = "2.5.29.17", "2.5.29.37", "2.5.29.15", "2.5.29.19", "2.5.29.14", "2.5.29.35"
SERVER_AUTH = oid("1.3.6.1.5.5.7.3.1")


def key_of(number: int) -> ec.EllipticCurvePrivateKey:
    """A key that is the same in every run."""
    return ec.derive_private_key(number, ec.SECP256R1())


def spki_of(key: Any) -> bytes:
    found: bytes = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return found


def identifier(key: Any) -> bytes:
    digest = hashes.Hash(hashes.SHA1())
    digest.update(spki_of(key)[-65:])
    return digest.finalize()


def dns(*names: Union[str, bytes]) -> bytes:
    """A subject alternative name's value."""
    return seq(*(tlv(0x82, one if isinstance(one, bytes) else one.encode("utf-8", "surrogatepass")) for one in names))


def extensions(key: Any, by: Any, *, ca: bool = False, names: bytes = b"") -> Dict[str, bytes]:
    """What a good certificate has, by OID, so that a test changes one of them."""
    found = {
        BASIC: extension(BASIC, seq(CRITICAL) if ca else seq(), critical=CRITICAL),
        SKI: extension(SKI, octets(identifier(key))),
        AKI: extension(AKI, seq(tlv(0x80, identifier(by)))),
        KU: extension(KU, bits(b"\x06", 1) if ca else bits(b"\x80", 7), critical=CRITICAL),
    }
    if not ca:
        found[EKU] = extension(EKU, seq(SERVER_AUTH))
        found[SAN] = extension(SAN, names or dns("a.example.com"), critical=CRITICAL)
    return found


def certificate(subject: bytes, issuer: bytes, key: Any, by: Any, found: Dict[str, bytes], **changes: Any) -> bytes:
    """A certificate in DER; `changes` replaces parts by their names (see below), `tail` and `behind` add bytes."""
    parts: Dict[str, Any] = {
        "version": tlv(0xA0, integer(2)), "serial": integer(0x1234567890ABCDEF), "algorithm": EC_SHA256, "issuer": issuer,
        "validity": seq(utc("261104120000Z"), utc("270202115959Z")), "subject": subject, "spki": spki_of(key), "unique": b"",
        "extensions": None, "outer": EC_SHA256, "signature": None, "unused": 0, "tail": b"", "behind": b"", **changes,
    }  # fmt: skip
    carried = parts["extensions"] if parts["extensions"] is not None else tlv(0xA3, seq(*found.values()))
    order = ("version", "serial", "algorithm", "issuer", "validity", "subject", "spki", "unique")
    tbs = seq(*(parts[one] for one in order), carried)
    made = by.sign(tbs, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    signature = bits(made, parts["unused"]) if parts["signature"] is None else parts["signature"]
    return seq(tbs, parts["outer"], signature, parts["tail"]) + bytes(parts["behind"])


ROOT_KEY, ABOVE_KEY, LEAF_KEY = key_of(0xC1A), key_of(0xC1A1), key_of(0xC1A2)
ROOT = certificate(common("root"), common("root"), ROOT_KEY, ROOT_KEY, extensions(ROOT_KEY, ROOT_KEY, ca=True))
ABOVE = certificate(common("above"), common("root"), ABOVE_KEY, ROOT_KEY, extensions(ABOVE_KEY, ROOT_KEY, ca=True))


def leaf(*, names: bytes = b"", drop: Sequence[str] = (), more: Optional[Dict[str, bytes]] = None, **changes: Any) -> bytes:
    """A leaf below ABOVE. `more` replaces or adds extensions by a key of one's own, `drop` leaves some out."""
    found = {**extensions(LEAF_KEY, ABOVE_KEY, names=names), **(more or {})}
    kept = {key: value for key, value in found.items() if key not in drop}
    return certificate(changes.pop("subject", seq()), changes.pop("issuer", common("above")), LEAF_KEY, ABOVE_KEY, kept, **changes)


LEAF = leaf()
