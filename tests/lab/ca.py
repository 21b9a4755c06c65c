# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA of the tests' own, made with cryptography directly, so that nothing under test judges itself."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple, Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey]


def pem_of(*certificates: x509.Certificate) -> str:
    """The certificates as PEM, in that order."""
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


def key_pem_of(key: Key) -> str:
    """The key as unencrypted PKCS#8 PEM."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


@dataclass(frozen=True)
class Issued:
    """A leaf with its key and its issuers; `fullchain` is what a server serves."""

    key: Key
    leaf: x509.Certificate
    issuers: Tuple[x509.Certificate, ...]

    @property
    def sha256(self) -> str:
        """The certificate's identity: SHA-256 of the leaf's DER, lower hex."""
        return self.leaf.fingerprint(hashes.SHA256()).hex()

    @property
    def key_pem(self) -> str:
        """The private key."""
        return key_pem_of(self.key)

    @property
    def leaf_pem(self) -> str:
        """The leaf alone."""
        return pem_of(self.leaf)

    @property
    def fullchain(self) -> str:
        """The leaf and its intermediates."""
        return pem_of(self.leaf, *self.issuers)


class TestCA:
    """A root and one intermediate, made anew for each lab."""

    __test__ = False

    def __init__(self, name: str = "lab") -> None:
        self.root_key, self.intermediate_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root = self._authority(f"{name} root", self.root_key, f"{name} root", self.root_key, path_length=1)
        self.intermediate = self._authority(f"{name} intermediate", self.intermediate_key, f"{name} root", self.root_key, path_length=0)

    @property
    def root_pem(self) -> str:
        """The trust anchor."""
        return pem_of(self.root)

    def issue(self, names: Sequence[str], *, days: float = 30, age_days: float = 1, now: Optional[datetime.datetime] = None,
              key: Optional[Key] = None, server: bool = True) -> Issued:
        """A certificate that is `age_days` old and lives `days` more (negative: expired already); its key is P-256 by default.

        Without `server` it names no usage."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        when = now or datetime.datetime.now(datetime.timezone.utc)
        builder = self._builder(names[0], key, self.intermediate.subject)
        builder = builder.not_valid_before(when - datetime.timedelta(days=age_days)).not_valid_after(when + datetime.timedelta(days=days))
        builder = builder.add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
        if server:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.intermediate_key.public_key()), critical=False)
        return Issued(key, builder.sign(self.intermediate_key, hashes.SHA256()), (self.intermediate,))

    def _builder(self, subject: str, key: Key, issuer: x509.Name) -> x509.CertificateBuilder:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        return builder.serial_number(x509.random_serial_number())

    def _authority(self, subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey,
                   path_length: int) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = self._builder(subject, key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        builder = builder.not_valid_before(now - datetime.timedelta(days=400)).not_valid_after(now + datetime.timedelta(days=3000))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        usage = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
                              key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        return builder.sign(signer, hashes.SHA256())


def general_name(name: str) -> x509.GeneralName:
    """An address or a DNS name as a SAN."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
