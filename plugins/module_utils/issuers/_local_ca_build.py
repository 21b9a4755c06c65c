# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates a local CA makes: root, intermediate and leaf, as pure functions of their inputs and a moment.

Validity counts as in RFC 5280 4.1.2.5: both ends belong to it, so a lifetime of 90 days ends one second before 90 days are over.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..contracts import IssueRequest
from ..errors import ConfigError
from ..x509._crypto import x509
from ..x509.key import digest_for
from ..x509.request import Request

ANY_POLICY = "2.5.29.32.0"
CA_BACKDATE = 3600
MOST_ALIKE = 64  # kinds of certificates that a maker remembers what they share


@dataclass(frozen=True)
class CaProfile:
    """What a root or intermediate shall be. `path_length` None: no limit; `permitted` empty: any name.

    Names in `permitted` and `excluded` are DNS names (with all below them) or networks such as 10.0.0.0/8.
    """

    common_name: str
    organization: str = ""
    country: str = ""
    key_type: str = "ecdsa-p256"
    lifetime: int = 3650 * 86400
    path_length: Optional[int] = None
    permitted: Tuple[str, ...] = ()
    excluded: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Publishing:
    """What certificates say about their CA. `url` empty: no CRL and CA addresses in them (zlint then misses both)."""

    url: str = ""
    policy_oid: str = ANY_POLICY
    crl_lifetime: int = 7 * 86400


def subject_of(profile: CaProfile) -> x509.Name:
    """The CA's name: country and organization where it has them, then common name."""
    given = (
        (x509.NameOID.COUNTRY_NAME, profile.country.upper()),
        (x509.NameOID.ORGANIZATION_NAME, profile.organization),
        (x509.NameOID.COMMON_NAME, profile.common_name),
    )
    try:
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in given if value])
    except ValueError as error:  # lengths and the two letters of a country
        raise ConfigError(f"the CA's name cannot be written: {error}", field="common_name") from None


def ca_request(profile: CaProfile, key: Any) -> x509.CertificateSigningRequest:
    """The request that goes to whoever holds the root's key."""
    return x509.CertificateSigningRequestBuilder().subject_name(subject_of(profile)).sign(key, digest_for(key))


def root_certificate(profile: CaProfile, key: Any, now: datetime) -> x509.Certificate:
    """A self-signed root."""
    name = subject_of(profile)
    builder = _ca_builder(name, name, key.public_key(), profile, now)
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False).sign(key, digest_for(key))


def intermediate_certificate(
    profile: CaProfile, public_key: Any, root: x509.Certificate, root_key: Any, publishing: Publishing, now: datetime
) -> x509.Certificate:
    """An intermediate below `root`, with path length, name constraints and TLS usages only; it never outlives its root."""
    builder = _ca_builder(subject_of(profile), root.subject, public_key, profile, now, root.not_valid_after_utc)
    builder = builder.add_extension(_authority(root), False)
    builder = builder.add_extension(_usages(("server_auth", "client_auth")), False)
    constraints = name_constraints(profile)
    if constraints is not None:
        builder = builder.add_extension(constraints, True)
    for extension in published(publishing, "root"):
        builder = builder.add_extension(extension, False)
    return builder.sign(root_key, digest_for(root_key))


def _ca_builder(
    subject: x509.Name, issuer: x509.Name, public_key: Any, profile: CaProfile, now: datetime, latest: Optional[datetime] = None
) -> x509.CertificateBuilder:
    begins = (now - timedelta(seconds=CA_BACKDATE)).replace(microsecond=0)
    ends = begins + timedelta(seconds=profile.lifetime - 1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(min(ends, latest) if latest else ends)
        .add_extension(x509.BasicConstraints(True, profile.path_length), True)
        .add_extension(_key_usage(ca=True), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
    )


def _key_usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    ski = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)


def _usages(usages: Sequence[str]) -> x509.ExtendedKeyUsage:
    known = {"server_auth": x509.oid.ExtendedKeyUsageOID.SERVER_AUTH, "client_auth": x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH}
    return x509.ExtendedKeyUsage([known.get(usage) or x509.ObjectIdentifier(usage) for usage in usages])


def published(publishing: Publishing, ca: str) -> List[x509.ExtensionType]:
    """What a certificate says of the CA above it (`root` or `intermediate`): policy, where its CRL and certificate are."""
    policy = x509.PolicyInformation(x509.ObjectIdentifier(publishing.policy_oid), None)
    extensions: List[x509.ExtensionType] = [x509.CertificatePolicies([policy])]
    if publishing.url:
        base = publishing.url.rstrip("/")
        crl = x509.UniformResourceIdentifier(f"{base}/{ca}.crl")
        issuer = x509.UniformResourceIdentifier(f"{base}/{ca}.der")
        method = x509.oid.AuthorityInformationAccessOID.CA_ISSUERS
        extensions.append(x509.CRLDistributionPoints([x509.DistributionPoint([crl], None, None, None)]))
        extensions.append(x509.AuthorityInformationAccess([x509.AccessDescription(method, issuer)]))
    return extensions


def name_constraints(profile: CaProfile) -> Optional[x509.NameConstraints]:
    """The profile's constraints, None when it has none.

    A kind of name that `permitted` does not speak of is excluded as a whole, else it would stay unlimited (RFC 5280 4.2.1.10).
    """
    permitted = [_subtree(name) for name in profile.permitted]
    excluded = [_subtree(name) for name in profile.excluded]
    if permitted and not any(isinstance(tree, x509.IPAddress) for tree in permitted):
        excluded += [x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")), x509.IPAddress(ipaddress.ip_network("::/0"))]
    if permitted and not any(isinstance(tree, x509.DNSName) for tree in permitted):
        excluded.append(x509.DNSName(""))
    return x509.NameConstraints(permitted or None, excluded or None) if permitted or excluded else None


def _subtree(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_network(name))
    except ValueError:
        pass
    plain = name.lower()
    if not plain or plain.startswith((".", "*")) or not all(c.isalnum() or c in ".-" for c in plain) or not plain.isascii():
        raise ConfigError(f"{name!r} is neither a DNS name nor a network", field="permitted", hint="as example.com or 10.0.0.0/8")
    return x509.DNSName(plain)


class LeafMaker:
    """Makes leaf certificates below one CA; what is the same in all of them is built once."""

    def __init__(self, ca: x509.Certificate, key: Any, publishing: Publishing) -> None:
        self._ca = ca
        self._key = key
        self._hash = digest_for(key)
        self._publishing = publishing
        self._begins = ca.not_valid_before_utc
        self._ends = ca.not_valid_after_utc
        self._common: Dict[Tuple[str, ...], x509.CertificateBuilder] = {}
        self._bases: Dict[Tuple[Tuple[str, ...], int, int, datetime], x509.CertificateBuilder] = {}

    def make(self, request: IssueRequest, csr: Request, now: datetime) -> x509.Certificate:
        """The certificate with these names; ConfigError when it would outlive its CA."""
        alike = (request.usages, request.backdate, request.lifetime, now)
        if alike not in self._bases:
            if len(self._bases) >= MOST_ALIKE:
                self._bases.clear()
            self._bases[alike] = self._base(request, now)
        subject = csr.native.subject
        return (
            self._bases[alike]
            .subject_name(subject)
            .public_key(csr.public_key)
            .serial_number(x509.random_serial_number())
            .add_extension(csr.alternative_names, not subject.rdns)  # critical where the subject is empty (RFC 5280 4.1.2.6)
            .sign(self._key, self._hash)
        )

    def _base(self, request: IssueRequest, now: datetime) -> x509.CertificateBuilder:
        begins = max((now - timedelta(seconds=request.backdate)).replace(microsecond=0), self._begins)
        ends = begins + timedelta(seconds=request.lifetime - 1)
        if ends > self._ends:
            raise ConfigError(
                f"the certificate would end on {ends:%Y-%m-%d}, after its CA's own end on {self._ends:%Y-%m-%d}",
                hint="shorten the profile's lifetime, or make a new intermediate",
                field="profile.lifetime",
            )
        return self._extended(request.usages).not_valid_before(begins).not_valid_after(ends)

    def _extended(self, usages: Tuple[str, ...]) -> x509.CertificateBuilder:
        if usages not in self._common:
            critical: List[x509.ExtensionType] = [x509.BasicConstraints(False, None), _key_usage(ca=False)]
            others = [_usages(usages), _authority(self._ca), *published(self._publishing, "intermediate")]
            builder = x509.CertificateBuilder().issuer_name(self._ca.subject)
            for extension in [*critical, *others]:  # encoded here: signing then copies the bytes for each certificate
                encoded = x509.UnrecognizedExtension(extension.oid, extension.public_bytes())
                builder = builder.add_extension(encoded, extension in critical)
            self._common[usages] = builder
        return self._common[usages]
