# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate as a value: parsing never raises, and what cannot be read is said instead of lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Dict, Optional, Tuple

from ..errors import MalformedError
from . import der as _der
from . import pem as _pem
from ._crypto import ec, require, x509
from ._fact import fact as _fact
from ._show import is_url, other_name, quietly, rfc3339, shown
from .algorithms import EXTENDED_KEY_USAGES, SIGNATURES, is_p256, key_type_of, key_type_of_oid

__all__ = ("FACTS", "KEY_USAGES", "Certificate", "rfc3339")

MAX_DER = 1024 * 1024
KEY_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
)  # fmt: skip

_ISSUERS: Dict[bytes, str] = {}  # by their DER: few CAs sign all certificates of an estate
_MOST_ISSUERS, _LONGEST_ISSUER = 256, 4096


def _keep_issuer(named: bytes, text: str) -> None:
    if named and len(named) <= _LONGEST_ISSUER:
        if len(_ISSUERS) >= _MOST_ISSUERS:
            _ISSUERS.clear()
        _ISSUERS[named] = text


@dataclass(frozen=True, repr=False)
class Certificate:
    """One certificate, known by the SHA-256 of its DER. Facts are read when asked for; none of them ever raises.

    An unreadable fact is empty ("", (), None, False) and `malformed` has a sentence for it; `malformed` is empty only when
    everything could be read.
    """

    der: bytes = field(repr=False)
    problems: Dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, der: bytes) -> Certificate:
        """The certificate of these bytes; it never raises for what the bytes hold (only where cryptography is missing)."""
        require()
        return cls(bytes(der))

    @classmethod
    def from_pem(cls, text: str) -> Certificate:
        """The certificate of exactly one PEM block; MalformedError when the PEM is not that."""
        der = _pem.canonical(_pem.CERTIFICATE, text)
        if der is None:
            return cls.parse(_pem.split(text, limit=1)[0].der)
        parsed = cls.parse(der)
        parsed.__dict__["pem"] = text
        return parsed

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Certificate(sha256={self.sha256!r})"

    @_fact("")
    def sha256(self) -> str:
        """Lower-case hex SHA-256 of the DER: the identity."""
        return _pem.sha256(self.der)

    @_fact("")
    def pem(self) -> str:
        """The certificate as one PEM block."""
        return _pem.encode(_pem.CERTIFICATE, self.der)

    @_fact(None)
    def native(self) -> Optional[x509.Certificate]:
        """The library's object, None when it refuses the bytes."""
        if len(self.der) > MAX_DER:
            raise MalformedError(f"larger than {MAX_DER} bytes")
        if self.fields is not None and self.fields.serial > 0:
            return x509.load_der_x509_certificate(self.der)
        return quietly(lambda: x509.load_der_x509_certificate(self.der))

    @property
    def _library(self) -> x509.Certificate:
        if self.native is None:
            raise MalformedError("the certificate cannot be parsed")
        return self.native

    @_fact(None)
    def fields(self) -> Optional[_der.Fields]:
        """The undecoded parts, readable also where the library refuses the whole; None when even the frame is broken."""
        return _der.certificate_fields(self.der)

    @property
    def _parts(self) -> _der.Fields:
        if self.fields is None:
            raise MalformedError("the certificate has no readable frame")
        return self.fields

    @_fact("")
    def spki_sha256(self) -> str:
        """Lower-case hex SHA-256 of the SubjectPublicKeyInfo as it stands in the certificate."""
        return _pem.sha256(self._parts.spki)

    @_fact(None)
    def issuing_key(self) -> Optional[ec.EllipticCurvePublicKey]:
        """The library's key for ECDSA, None when the certificate has one of another kind."""
        key = self._library.public_key()
        return key if isinstance(key, ec.EllipticCurvePublicKey) else None

    @_fact("")
    def serial(self) -> str:
        """The serial number in lower-case hex without leading zeros; it identifies nothing."""
        return f"{self._parts.serial:x}"

    @_fact(None)
    def not_before(self) -> Optional[datetime]:
        """The first second of validity, in UTC with its zone."""
        return self.native.not_valid_before_utc if self.native is not None else _der.time_of(self._parts.not_before)

    @_fact(None)
    def not_after(self) -> Optional[datetime]:
        """The last second of validity, itself included, in UTC with its zone."""
        return self.native.not_valid_after_utc if self.native is not None else _der.time_of(self._parts.not_after)

    @_fact("")
    def subject(self) -> str:
        """The subject as RFC 4514 text."""
        return quietly(lambda: x509.Name.rfc4514_string(self._library.subject))

    @_fact("")
    def issuer(self) -> str:
        """The issuer as RFC 4514 text."""
        named = self.fields.issuer if self.fields is not None else b""
        library = self._library  # it raises for what the library refuses, also where the text is known
        text = _ISSUERS.get(named)
        if text is None:
            text = quietly(lambda: x509.Name.rfc4514_string(library.issuer))
            _keep_issuer(named, text)
        return text

    @_fact("")
    def common_name(self) -> str:
        """The last common name of the subject, empty when it has none."""
        found = quietly(lambda: self._library.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME))
        return str(found[-1].value) if found else ""

    @_fact(False)
    def self_issued(self) -> bool:
        """True when subject and issuer are the same bytes; whether it signed itself is not said."""
        return self._parts.subject == self._parts.issuer

    @_fact("unknown")
    def key_type(self) -> str:
        """The key in one word (rsa-2048, ecdsa-p256, ed25519, ml-dsa-65, ...); unknown where nobody can tell."""
        if is_p256(self._parts.spki) and self._library:
            return "ecdsa-p256"
        known = key_type_of_oid(_der.algorithm_oid(self._parts.spki))
        return known or key_type_of(self._library.public_key())

    @_fact("")
    def signature(self) -> str:
        """The algorithm of the issuer's signature in one word (ecdsa-sha256, rsa-sha1, ed25519, ...), else its dotted OID."""
        oid = self._library.signature_algorithm_oid.dotted_string
        return SIGNATURES.get(oid, oid)

    @_fact(None)
    def extensions(self) -> Optional[Dict[type, Any]]:
        """All extensions by the library's type of their value, None when any one of them cannot be read."""
        return {type(one.value): one for one in quietly(lambda: self._library.extensions)}

    def _extension(self, kind: type) -> Any:
        """The value of an extension, None when the certificate has none; raises when the extensions cannot be read."""
        if self.extensions is None:
            raise MalformedError("the extensions cannot be read")
        found = self.extensions.get(kind)
        return None if found is None else found.value

    @_fact(())
    def _general_names(self) -> Tuple[Any, ...]:
        """Every subject alternative name, as the library gives it."""
        return tuple(self._extension(x509.SubjectAlternativeName) or ())

    @_fact(())
    def dns_names(self) -> Tuple[str, ...]:
        """The DNS names as they stand, hostile ones too: check them before they go into anything."""
        return tuple([name.value for name in self._general_names if isinstance(name, x509.DNSName)])

    @_fact(())
    def _no_dns_names(self) -> Tuple[Any, ...]:
        """Every alternative name of another kind, as the library gives it."""
        return tuple([name for name in self._general_names if not isinstance(name, x509.DNSName)])

    @_fact(())
    def ip_addresses(self) -> Tuple[str, ...]:
        """The IP addresses in their shortest text."""
        return tuple([str(name.value) for name in self._no_dns_names if isinstance(name, x509.IPAddress)])

    @_fact(())
    def other_names(self) -> Tuple[str, ...]:
        """Every other alternative name as "kind:value"."""
        return tuple([other_name(name) for name in self._no_dns_names if not isinstance(name, x509.IPAddress)])

    @property
    def names(self) -> Tuple[str, ...]:
        """DNS names, then IP addresses."""
        return self.dns_names + self.ip_addresses

    @_fact(False)
    def is_ca(self) -> bool:
        """True when the basic constraints say CA."""
        constraints = self._extension(x509.BasicConstraints)
        return bool(constraints and constraints.ca)

    @_fact(None)
    def path_length(self) -> Optional[int]:
        """How many CA certificates may follow; None when there is no limit or it is no CA."""
        constraints = self._extension(x509.BasicConstraints)
        return constraints.path_length if constraints and constraints.ca else None

    @_fact(())
    def key_usage(self) -> Tuple[str, ...]:
        """The key usages in snake case; empty when the extension is absent."""
        usage = self._extension(x509.KeyUsage)
        return tuple(name for name in KEY_USAGES if getattr(usage, name)) if usage else ()

    @_fact(())
    def extended_key_usage(self) -> Tuple[str, ...]:
        """server_auth, client_auth or a dotted OID each; empty when the extension is absent."""
        usages = self._extension(x509.ExtendedKeyUsage) or ()
        return tuple(EXTENDED_KEY_USAGES.get(usage.dotted_string, usage.dotted_string) for usage in usages)

    @_fact("")
    def ski(self) -> str:
        """The subject key identifier in hex, empty when absent."""
        value = self._extension(x509.SubjectKeyIdentifier)
        return value.digest.hex() if value else ""

    @_fact("")
    def aki(self) -> str:
        """The authority key identifier's key id in hex, empty when absent."""
        value = self._extension(x509.AuthorityKeyIdentifier)
        return value.key_identifier.hex() if value and value.key_identifier else ""

    @_fact(False)
    def must_staple(self) -> bool:
        """True when the TLS feature extension demands a stapled OCSP answer (RFC 7633)."""
        return x509.TLSFeatureType.status_request in (self._extension(x509.TLSFeature) or ())

    @_fact(())
    def crl_urls(self) -> Tuple[str, ...]:
        """The URLs of the CRL distribution points; nothing here fetches them."""
        points = self._extension(x509.CRLDistributionPoints) or ()
        return tuple(str(name.value) for point in points for name in point.full_name or () if is_url(name))

    @_fact(())
    def ocsp_urls(self) -> Tuple[str, ...]:
        """The URLs of the OCSP responders; nothing here fetches them."""
        access = self._extension(x509.AuthorityInformationAccess) or ()
        wanted = x509.oid.AuthorityInformationAccessOID.OCSP
        return tuple(str(one.access_location.value) for one in access if one.access_method == wanted and is_url(one.access_location))

    @cached_property
    def malformed(self) -> Tuple[str, ...]:
        """A sentence for every fact that could not be read, in the order of their names; empty when all could."""
        for name in FACTS:
            getattr(self, name)
        return tuple(self.problems[name] for name in sorted(self.problems))

    def as_dict(self) -> Dict[str, Any]:
        """All facts as JSON data: dates RFC 3339, at most 1,000 names with `names_count`, texts of at most 4,096 characters."""
        facts: Dict[str, Any] = {"sha256": self.sha256, "names": self.names, **{name: getattr(self, name) for name in FACTS}}
        result = {name: shown(value) for name, value in facts.items()}
        result["names_count"] = len(self.dns_names) + len(self.ip_addresses) + len(self.other_names)
        result["malformed"] = list(self.malformed)
        return result


FACTS = (
    "subject", "issuer", "serial", "not_before", "not_after", "dns_names", "ip_addresses", "other_names", "common_name", "key_type",
    "spki_sha256", "signature", "is_ca", "path_length", "key_usage", "extended_key_usage", "ski", "aki", "self_issued", "must_staple",
    "crl_urls", "ocsp_urls",
)  # fmt: skip
