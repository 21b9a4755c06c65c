# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cryptography's verifier leaves open on the way from a leaf to an anchor, each with the rule it breaks.

Found by the conformance cases of x509-limbo; see tests/unit/x509/test_limbo.py for what is left and why.
"""

from __future__ import annotations

import re
from typing import List, Optional

from ._crypto import x509
from .certificate import Certificate
from .der import has_whole_signature

MIN_RSA_BITS = 2048
_NAME_LIKE = re.compile(r"\A(?:\S*[.:]\S*|0[xX][0-9a-fA-F]+)\Z")  # "web 1" as a common name harms nobody
_KEYS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "ed448", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87")
_SIZES = {"ed25519": 44, "ed448": 69, "ml-dsa-44": 1334, "ml-dsa-65": 1974, "ml-dsa-87": 2614}  # of the SubjectPublicKeyInfo
_HANDSHAKE = ("digital_signature", "key_encipherment", "key_agreement")


def leaf_faults(leaf: Certificate, usage: str) -> List[str]:
    """What is wrong with a leaf in itself; empty when nothing is."""
    found = _form(leaf) + _key(leaf) + _serial(leaf)
    common = leaf.common_name
    if usage == "server_auth" and _NAME_LIKE.search(common) and common not in leaf.names:
        found.append("its common name is not one of its alternative names, letter by letter (BR section 7.1.4.3)")
    if leaf.extended_key_usage and usage not in leaf.extended_key_usage:
        found.append(f"its extended key usage lacks {usage}")
    if _critical(leaf, x509.KeyUsage) is not None and not any(one in _HANDSHAKE for one in leaf.key_usage):
        found.append("its key usage allows no handshake (RFC 5280 section 4.2.1.3)")
    return found


def intermediate_faults(certificate: Certificate) -> List[str]:
    """What is wrong with an intermediate in itself; empty when nothing is."""
    found = _form(certificate) + _key(certificate) + _serial(certificate)
    if not certificate.ski:
        found.append("it has no subject key identifier (RFC 5280 section 4.2.1.2)")
    if not certificate.aki:
        found.append("it has no authority key identifier (RFC 5280 section 4.2.1.1)")
    if _critical(certificate, x509.PolicyConstraints) is False:
        found.append("its policy constraints are not critical (RFC 5280 section 4.2.1.11)")
    return found


def anchor_faults(certificate: Certificate) -> List[str]:
    """What is wrong with a trust anchor in itself; empty when nothing is. Serial 0 is none: real roots have it."""
    found = _key(certificate)
    if not certificate.ski:
        found.append("it has no subject key identifier (RFC 5280 section 4.2.1.2)")
    identifier = _authority(certificate)
    if identifier is None:
        return found
    if identifier.authority_cert_issuer is not None or identifier.authority_cert_serial_number is not None:
        found.append("its authority key identifier names an issuer or a serial (BR section 7.1.2.1.3)")
    if certificate.self_issued and certificate.aki != certificate.ski:
        found.append("its authority key identifier is not its subject key identifier (BR section 7.1.2.1.3)")
    return found


def _form(certificate: Certificate) -> List[str]:
    """What the library's verifier does not read, and other clients do: nobody can judge what nobody can read."""
    unread = [name for name in ("extensions", "not_before", "not_after") if getattr(certificate, name) is None]
    found = [f"it cannot be read whole: {certificate.problems[name]}" for name in unread if name in certificate.problems]
    if not has_whole_signature(certificate.der):
        found.append("its signature is no bit string of whole octets (RFC 5280 section 4.1.1.3)")
    return found


def _key(certificate: Certificate) -> List[str]:
    kind, length = certificate.key_type, len(certificate.fields.spki) if certificate.fields is not None else 0
    if kind in _KEYS:
        return [] if length == _SIZES.get(kind, length) else [f"its key has not the length of a key of type {kind}"]
    bits = int(kind[4:]) if kind.startswith("rsa-") else 0
    if bits >= MIN_RSA_BITS and bits % 8 == 0:
        return []
    return [f"its key ({kind}) is weak or of a kind that clients refuse (BR section 6.1.5)"]


def _serial(certificate: Certificate) -> List[str]:
    serial = certificate.serial
    if serial.startswith("-") or serial in ("", "0") or len(serial) > 40:
        return ["its serial number is not a positive number of at most 20 octets (RFC 5280 section 4.1.2.2)"]
    return []


def _authority(certificate: Certificate) -> Optional[x509.AuthorityKeyIdentifier]:
    found = (certificate.extensions or {}).get(x509.AuthorityKeyIdentifier)
    return found.value if found else None


def _critical(certificate: Certificate, kind: type) -> Optional[bool]:
    """Whether the extension is critical; None when the certificate has none."""
    found = (certificate.extensions or {}).get(kind)
    return bool(found.critical) if found else None
