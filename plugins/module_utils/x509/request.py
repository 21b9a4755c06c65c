# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate requests (PKCS#10): built from checked names, and read back with the same checks."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, List, Optional, Sequence, Tuple, Union

from ..errors import ConfigError, MalformedError
from . import pem as _pem
from ._crypto import UnsupportedAlgorithm, require, serialization, x509
from ._show import one_line, quietly
from .key import digest_for, key_type_of
from .names import check_names, is_address

__all__ = ("Request", "build", "check_names", "general_names", "parse")

MAX_COMMON_NAME = 64


@dataclass(frozen=True)
class Request:
    """A request whose names are checked; its key and signature are looked at when asked for."""

    pem: str = field(repr=False)
    names: Tuple[str, ...]
    native: Any = field(repr=False, compare=False)

    @cached_property
    def alternative_names(self) -> x509.SubjectAlternativeName:
        """The names as the library's extension."""
        return x509.SubjectAlternativeName(general_names(self.names))

    @cached_property
    def spki_der(self) -> bytes:
        """The SubjectPublicKeyInfo in DER."""
        spki: bytes = self.public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return spki

    @cached_property
    def spki_sha256(self) -> str:
        """Lower-case hex SHA-256 of the SubjectPublicKeyInfo."""
        return _pem.sha256(self.spki_der)

    @cached_property
    def public_key(self) -> Any:
        """The library's public key; MalformedError when it cannot be read."""
        try:
            return self.native.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise MalformedError(f"the request's key cannot be read: {one_line(error)}", field="csr") from None

    @cached_property
    def key_type(self) -> str:
        """The key in one word, as in KEY_TYPES, or "unknown"."""
        return key_type_of(self.public_key)

    @cached_property
    def signature_ok(self) -> bool:
        """True when the request is signed by its own key: whoever made it has the private key."""
        try:
            return bool(self.native.is_signature_valid)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return False


class _Built(str):
    """The PEM text of a request that was built here, of which nothing has to be found out by reading it again."""

    request: Request

    @classmethod
    def of(cls, request: Request) -> _Built:
        """The request's text, and beside it what `parse` would make of it."""
        built = cls(request.pem)
        built.request = request
        return built


def general_names(names: Sequence[str]) -> List[Union[x509.DNSName, x509.IPAddress]]:
    """Canonical names as the library's objects."""
    return [x509.IPAddress(ipaddress.ip_address(name)) if is_address(name) else x509.DNSName(name) for name in names]


def build(key: Any, names: Sequence[str], common_name: Optional[str] = None) -> str:
    """The PEM request for these names, signed by `key`; ConfigError for a bad name. The subject is empty without `common_name`."""
    require()
    wanted = check_names(names)
    if not wanted:
        raise ConfigError("a request needs at least one name", field="names")
    subject = x509.Name([])
    if common_name is not None:
        subject = _subject(common_name, wanted)
    # RFC 5280 section 4.2.1.6: the names are critical exactly where the subject is empty
    extension = x509.SubjectAlternativeName(general_names(wanted))
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(extension, critical=common_name is None)
    native = builder.sign(key, digest_for(key))
    request = Request(native.public_bytes(serialization.Encoding.PEM).decode("ascii"), wanted, native)
    request.__dict__.update(alternative_names=extension, public_key=key.public_key())
    return _Built.of(request)


def _subject(common_name: str, names: Sequence[str]) -> x509.Name:
    (checked,) = check_names([common_name], "common_name")
    if checked not in names:
        raise ConfigError(f"{checked!r} is not among the names", field="common_name")
    if len(checked) > MAX_COMMON_NAME:
        raise ConfigError(f"{checked!r} is longer than {MAX_COMMON_NAME} characters", field="common_name")
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, checked)])


def parse(pem: str) -> Request:
    """The request of exactly one PEM block; MalformedError when it cannot be read, or holds names that no server has."""
    if isinstance(pem, _Built):
        return pem.request
    require()
    (block,) = _pem.split(pem, allow=(_pem.REQUEST, "NEW CERTIFICATE REQUEST"), limit=1)
    try:
        native = x509.load_der_x509_csr(block.der)
        names, common = quietly(lambda: (_alternative_names(native), _common_names(native)))
    except MalformedError:
        raise
    except Exception as error:  # hostile bytes raise anything: ValueError, InvalidVersion, DuplicateExtension, ...
        raise MalformedError(f"the request cannot be read: {one_line(error)}", field="csr") from None
    checked = check_names(names, "csr.names")
    outside = [name for name in check_names(common, "csr.common_name") if name not in checked]
    if outside:
        raise MalformedError(f"the common name {outside[0]!r} is not among the request's names", field="csr")
    return Request(pem=_pem.encode(_pem.REQUEST, block.der), names=checked, native=native)


def _alternative_names(native: x509.CertificateSigningRequest) -> List[str]:
    try:
        names = native.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    if not all(isinstance(name, (x509.DNSName, x509.IPAddress)) for name in names):
        raise MalformedError("the request asks for names that are neither DNS names nor addresses", field="csr")
    return [str(name.value) for name in names]


def _common_names(native: x509.CertificateSigningRequest) -> List[str]:
    return [str(one.value) for one in native.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
