# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A leaf with its intermediates: ordered from the leaf, each once, without the root."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from ..errors import MalformedError
from . import pem as _pem
from ._crypto import InvalidSignature, UnsupportedAlgorithm, ec, hashes
from ._show import plain
from .certificate import Certificate
from .der import Fields, has_whole_signature

MAX_PEER_CERTIFICATES = 16
# AlgorithmIdentifiers whose only parameter is the hash in their OID (RFC 5758 section 3.2)
_ECDSA = {bytes.fromhex(f"300a06082a8648ce3d04030{last}"): name for last, name in ((2, "SHA256"), (3, "SHA384"), (4, "SHA512"))}


@dataclass(frozen=True)
class Chain:
    """A leaf and what leads from it to a root that is not here. `notes` says what was mended, one sentence each."""

    leaf: Certificate
    intermediates: Tuple[Certificate, ...] = ()
    notes: Tuple[str, ...] = ()

    @classmethod
    def parse(cls, source: Union[str, bytes, Sequence[bytes]], limit: int = MAX_PEER_CERTIFICATES) -> Chain:
        """The chain of a PEM text or of DER certificates in any order; MalformedError when there is not exactly one leaf.

        Links are followed by name and key identifier; `check_signatures` proves them.
        """
        if isinstance(source, (str, bytes)):
            ders: Sequence[bytes] = [block.der for block in _pem.split(source, limit=limit)]
        else:
            ders = source
        if not 1 <= len(ders) <= limit:
            raise MalformedError(f"a chain of {len(ders)} certificates, where 1 to {limit} are taken")
        unique = {der: Certificate.parse(der) for der in ders}
        notes = [f"{len(ders) - len(unique)} duplicates left out"] if len(unique) < len(ders) else []
        fields = _fields(list(unique.values()))
        leaf = _leaf(list(unique.values()), fields)
        path, more = _follow(leaf, [one for one in unique.values() if one is not leaf], fields)
        if [one.der for one in path] != list(ders)[: len(path)]:
            notes.append("put in order")
        return cls(leaf, tuple(path[1:]), tuple(notes + more))

    @property
    def certificates(self) -> Tuple[Certificate, ...]:
        """The leaf, then the intermediates."""
        return (self.leaf, *self.intermediates)

    @property
    def sha256(self) -> str:
        """The leaf's identity."""
        return self.leaf.sha256

    @property
    def leaf_pem(self) -> str:
        """The leaf as PEM."""
        return self.leaf.pem

    @cached_property
    def intermediates_pem(self) -> str:
        """The intermediates as PEM, empty when there are none."""
        return "".join(one.pem for one in self.intermediates)

    @property
    def pem(self) -> str:
        """Leaf and intermediates as PEM, as a server sends them."""
        return self.leaf_pem + self.intermediates_pem

    def check_key(self, spki_sha256: str) -> None:
        """Return when the leaf is for this key; else MalformedError with both SPKI SHA-256s."""
        if self.leaf.spki_sha256 != spki_sha256:
            raise MalformedError(f"the certificate is for the key {self.leaf.spki_sha256 or 'unreadable'}, not for {spki_sha256}")

    def check_signatures(self) -> None:
        """Return when each certificate is signed by the next one; else MalformedError that names the first that is not."""
        for below, above in zip(self.certificates, self.intermediates):
            if not is_signed_by(below, above):
                names = [plain(one.subject) or one.sha256[:16] for one in (below, above)]
                raise MalformedError(f"{names[0]!r} is not signed by {names[1]!r}, which stands behind it")


def is_signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    """True when the issuer's name and key made the certificate; never raises."""
    if certificate.native is None or issuer.native is None:
        return False
    try:
        if not _is_signed_with_ecdsa(certificate, issuer):
            if not has_whole_signature(certificate.der):
                return False
            certificate.native.verify_directly_issued_by(issuer.native)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _is_signed_with_ecdsa(certificate: Certificate, issuer: Certificate) -> bool:
    """True where it is; InvalidSignature where it is not; False where the library's verify_directly_issued_by has to say it.

    That one does the same, and reads the issuer's key anew for every certificate.
    """
    fields, above = certificate.fields, issuer.fields
    if fields is None or above is None or fields.issuer != above.subject or certificate.native is None:
        return False
    algorithm, key = _ecdsa(fields.algorithm) if fields.algorithm in _ECDSA else None, issuer.issuing_key
    if algorithm is None or key is None:
        return False
    key.verify(certificate.native.signature, certificate.native.tbs_certificate_bytes, algorithm)
    return True


@lru_cache(maxsize=8)
def _ecdsa(algorithm: bytes) -> Any:
    """The library's word for one of _ECDSA."""
    return ec.ECDSA(getattr(hashes, _ECDSA[algorithm])())


def _fields(certificates: Sequence[Certificate]) -> Dict[bytes, Fields]:
    found: Dict[bytes, Fields] = {}
    for number, one in enumerate(certificates, 1):
        if one.fields is None or one.native is None:
            raise MalformedError(f"certificate {number} of the chain cannot be read: {'; '.join(one.malformed)}")
        found[one.der] = one.fields
    return found


def _leaf(certificates: List[Certificate], fields: Dict[bytes, Fields]) -> Certificate:
    """The one that issued none of the others; a second one that is no CA makes the chain ambiguous."""
    if len(certificates) == 1:
        return certificates[0]
    issuers = {(fields[one.der].issuer, one.der) for one in certificates}
    ends = [one for one in certificates if not any(name == fields[one.der].subject and der != one.der for name, der in issuers)]
    leaves = [one for one in ends if not one.is_ca] or ends or certificates[:1]
    if len(leaves) > 1:
        raise MalformedError(
            f"{len(leaves)} leaf certificates in one chain: {leaves[0].sha256[:16]}... and {leaves[1].sha256[:16]}...",
            hint="give one certificate and its intermediates",
        )
    return leaves[0]


def _follow(leaf: Certificate, pool: List[Certificate], fields: Dict[bytes, Fields]) -> Tuple[List[Certificate], List[str]]:
    """The path from the leaf, without a root, and the notes on what is not in it."""
    path, notes = [leaf], []
    while pool and not path[-1].self_issued:
        above = _issuer(path[-1], pool, fields)
        if above is None:
            break
        pool.remove(above)
        if above.self_issued:
            notes.append(f"the root {above.sha256[:16]}... left out")
            break
        path.append(above)
    notes += [f"{one.sha256[:16]}... left out: not between the leaf and its root" for one in pool]
    return path, notes


def _issuer(certificate: Certificate, pool: Sequence[Certificate], fields: Dict[bytes, Fields]) -> Optional[Certificate]:
    """The certificate with the issuer's name, rather one whose key identifier fits; None when there is none."""
    named = [one for one in pool if fields[one.der].subject == fields[certificate.der].issuer]
    if len(named) < 2:
        return named[0] if named else None
    fitting = [one for one in named if not one.ski or not certificate.aki or one.ski == certificate.aki]
    return next((one for one in fitting if is_signed_by(certificate, one)), named[0])
