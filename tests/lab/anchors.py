# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAs for trust stores: anchors, what is none, and revocation lists. Made with cryptography directly."""

from __future__ import annotations

import datetime
from typing import Any, Optional, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from .ca import key_pem_of, pem_of

DAY = datetime.timedelta(days=1)


def anchor(name: str, *, days: float = 1000, ca: bool = True, key: Any = None) -> Any:
    """A CA of its own, as (key, certificate); its validity began 1,100 days ago and ends in `days` days."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    now, subject = datetime.datetime.now(datetime.timezone.utc), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now - 1100 * DAY, now + days * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca, None), True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    return key, builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def revocation_list(authority: Any, serials: Sequence[int] = (), *, days: float = 7, delta: Optional[int] = None) -> str:
    """A list of that CA, as PEM, which counts for `days` more days."""
    key, certificate = authority
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateRevocationListBuilder(certificate.subject, now - 30 * DAY, now + days * DAY)
    for serial in serials:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, now).build())
    if delta is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(delta), True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def client_of(authority: Any, name: str, *, days: float = 7) -> Any:
    """A client's certificate of that CA, as (PEM with its key first, certificate); it is good for `days` more days."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, serial = authority[1].subject, x509.random_serial_number()
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), serial, now - 30 * DAY, now + days * DAY)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    certificate = builder.sign(authority[0], hashes.SHA256())
    return key_pem_of(key) + pem_of(certificate), certificate


def sha256_of(authority: Any) -> str:
    """The identity of the anchor."""
    return str(authority[1].fingerprint(hashes.SHA256()).hex())


def write_anchors(folder: Any) -> Any:
    """Files of anchors in the folder and what else somebody could name there; returns the authorities by their names."""
    made = {name: anchor(f"lab {name}") for name in ("one", "two", "three")}
    made["expired"], made["leaf"] = anchor("lab expired", days=-1), anchor("leaf.lab.example", ca=False)
    made["ed25519"] = anchor("lab ed25519", key=ed25519.Ed25519PrivateKey.generate())
    for name, (_key, certificate) in made.items():
        (folder / f"{name}.pem").write_text(pem_of(certificate))
    (folder / "key.pem").write_text(pem_of(made["one"][1]) + key_pem_of(made["one"][0]))
    (folder / "cut.pem").write_text(pem_of(made["one"][1])[:-30])
    (folder / "empty.pem").write_text("")
    return made
