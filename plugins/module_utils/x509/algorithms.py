# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for keys, signatures and usages."""

from __future__ import annotations

from typing import Any

from ._crypto import dsa, ec, ed448, ed25519, rsa

# Keys whose type is their OID (RFC 8410, RFC 9881): named from the bytes, so that a library that cannot use them names them too.
_KEY_OIDS = {
    "1.3.101.112": "ed25519",
    "1.3.101.113": "ed448",
    "2.16.840.1.101.3.4.3.17": "ml-dsa-44",
    "2.16.840.1.101.3.4.3.18": "ml-dsa-65",
    "2.16.840.1.101.3.4.3.19": "ml-dsa-87",
}
_CURVES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}

# The key of most certificates: an uncompressed point of P-256 (RFC 5480, FIPS 186-4 appendix D.1.2.3).
_P256_START = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_P256_LENGTH = len(_P256_START) + 64
_P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

SIGNATURES = {
    **_KEY_OIDS,
    "1.2.840.113549.1.1.4": "rsa-md5",
    "1.2.840.113549.1.1.5": "rsa-sha1",
    "1.2.840.113549.1.1.10": "rsa-pss",
    "1.2.840.113549.1.1.11": "rsa-sha256",
    "1.2.840.113549.1.1.12": "rsa-sha384",
    "1.2.840.113549.1.1.13": "rsa-sha512",
    "1.2.840.113549.1.1.14": "rsa-sha224",
    "1.2.840.10045.4.1": "ecdsa-sha1",
    "1.2.840.10045.4.3.1": "ecdsa-sha224",
    "1.2.840.10045.4.3.2": "ecdsa-sha256",
    "1.2.840.10045.4.3.3": "ecdsa-sha384",
    "1.2.840.10045.4.3.4": "ecdsa-sha512",
    "1.2.840.10040.4.3": "dsa-sha1",
    "2.16.840.1.101.3.4.3.2": "dsa-sha256",
}
EXTENDED_KEY_USAGES = {"1.3.6.1.5.5.7.3.1": "server_auth", "1.3.6.1.5.5.7.3.2": "client_auth"}


def key_type_of_oid(oid: str) -> str:
    """The key type where the OID alone says it, else empty."""
    return _KEY_OIDS.get(oid, "")


def is_p256(spki: bytes) -> bool:
    """True for a point of P-256 that is on the curve, which the library takes twenty times as long to say; False says nothing."""
    if len(spki) != _P256_LENGTH or not spki.startswith(_P256_START):
        return False
    x, y = int.from_bytes(spki[-64:-32], "big"), int.from_bytes(spki[-32:], "big")
    return x < _P256_P and y < _P256_P and (y * y - (x * x - 3) * x - _P256_B) % _P256_P == 0


def key_type_of(key: Any) -> str:
    """The type of a private or public key of the library in one word; "unknown" for what has no word."""
    if isinstance(key, (rsa.RSAPublicKey, rsa.RSAPrivateKey)):
        return f"rsa-{key.key_size}"
    if isinstance(key, (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)):
        return f"ecdsa-{_CURVES.get(key.curve.name, key.curve.name)}"
    if isinstance(key, (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey)):
        return "ed25519"
    if isinstance(key, (ed448.Ed448PublicKey, ed448.Ed448PrivateKey)):
        return "ed448"
    if isinstance(key, (dsa.DSAPublicKey, dsa.DSAPrivateKey)):
        return f"dsa-{key.key_size}"
    name = type(key).__name__  # ML-DSA exists only in cryptography >= 47
    return f"ml-dsa-{name[5:7]}" if name[:7] in ("MLDSA44", "MLDSA65", "MLDSA87") else "unknown"
