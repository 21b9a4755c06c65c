# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests: made with the library alone, so that no test trusts what it tests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, Optional, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ansible_collections.certops.clm.plugins.module_utils.x509._crypto import mldsa
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.key import KEY_TYPES as ALL_KEY_TYPES

# Every key type that the library here can make: ML-DSA needs cryptography 47.
KEY_TYPES = tuple(one for one in ALL_KEY_TYPES if mldsa is not None or not one.startswith("ml-dsa"))
NOW = datetime(2026, 11, 5, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)


class Made(NamedTuple):
    """A certificate and its key."""

    certificate: Certificate
    key: Any

    @property
    def pem(self) -> str:
        return self.certificate.pem


def name_of(text: Optional[str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def make(
    subject: Optional[str],
    issuer: Optional[Made] = None,
    *,
    issuer_name: Optional[str] = None,
    ca: bool = False,
    names: Sequence[x509.GeneralName] = (),
    serial: int = 0x1234567890ABCDEF,
    start: datetime = NOW - DAY,
    end: datetime = NOW + 89 * DAY - timedelta(seconds=1),
    key: Any = None,
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH,),
    extensions: Sequence[Any] = (),
    identifiers: bool = True,
) -> Made:
    """A certificate as a good CA would make it; without an issuer it signs itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    above = issuer.certificate.native.subject if issuer and issuer_name is None else name_of(issuer_name or subject)
    builder = x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(above).public_key(key.public_key()).serial_number(serial)
    builder = builder.not_valid_before(start).not_valid_after(end).add_extension(x509.BasicConstraints(ca, None), True)
    if identifiers:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    if ca:
        builder = builder.add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
    elif usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject)
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    digest = hashes.SHA256() if hasattr(signer, "curve") or hasattr(signer, "key_size") else None
    made = builder.sign(signer, digest)
    return Made(Certificate.parse(made.public_bytes(serialization.Encoding.DER)), key)


def tree(**leaf: Any) -> tuple[Made, Made, Made]:
    """A leaf for a.example.com, its intermediate and its root."""
    root = make("root", ca=True, end=NOW + 3650 * DAY)
    above = make("intermediate", root, ca=True, end=NOW + 1825 * DAY)
    leaf.setdefault("names", [x509.DNSName("a.example.com")])
    return make(leaf.pop("subject", None), above, **leaf), above, root
