# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate revocation list as a value: who signed it, until when it counts, and how many it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Dict, Optional

from ..errors import MalformedError
from . import pem as _pem
from ._crypto import require, x509
from ._show import one_line, plain, quietly, rfc3339
from .certificate import Certificate

LABEL = "X509 CRL"
MAX_BYTES = 64 * 1024 * 1024


def der_of(data: bytes) -> bytes:
    """The DER of one list, given as such or as one PEM block; MalformedError when it is a block of something else."""
    return _pem.split(data, allow=(LABEL,), limit=1)[0].der if b"-----BEGIN" in data else bytes(data)


@dataclass(frozen=True)
class RevocationList:
    """One list, known by the SHA-256 of its DER."""

    der: bytes = field(repr=False)
    native: Any = field(repr=False, compare=False)

    @classmethod
    def parse(cls, data: bytes) -> RevocationList:
        """The list of these bytes, DER or one PEM block; MalformedError when they are none."""
        require()
        der = der_of(data)
        if len(der) > MAX_BYTES:
            raise MalformedError(f"the revocation list is larger than {MAX_BYTES} bytes")
        try:
            return cls(der, quietly(lambda: x509.load_der_x509_crl(der)))
        except Exception as error:  # hostile bytes raise anything
            raise MalformedError(f"it is no certificate revocation list: {one_line(error)}") from error

    @cached_property
    def sha256(self) -> str:
        """Lower-case hex SHA-256 of the DER: the identity."""
        return _pem.sha256(self.der)

    @cached_property
    def pem(self) -> str:
        """The list as one PEM block."""
        return _pem.encode(LABEL, self.der)

    @cached_property
    def issuer(self) -> str:
        """Who issued it, as RFC 4514 text."""
        return plain(quietly(lambda: str(self.native.issuer.rfc4514_string())))

    @property
    def next_update(self) -> Optional[datetime]:
        """When there is a newer one at the latest, None when it does not say."""
        found: Optional[datetime] = self.native.next_update_utc
        return found

    @cached_property
    def is_delta(self) -> bool:
        """Whether it only says what changed since another one; MalformedError when nobody can tell."""
        try:
            return any(isinstance(one.value, x509.DeltaCRLIndicator) for one in quietly(lambda: self.native.extensions))
        except Exception as error:
            raise MalformedError(f"its extensions cannot be read: {one_line(error)}") from error

    def signed_by(self, authority: Certificate) -> bool:
        """Whether that CA issued and signed it."""
        native = authority.native
        try:
            return native is not None and native.subject == self.native.issuer and self.native.is_signature_valid(native.public_key())
        except Exception:  # a key of a kind that signs no list
            return False

    def as_dict(self) -> Dict[str, Any]:
        """It as results carry it."""
        until = rfc3339(self.next_update) if self.next_update else ""
        return {"sha256": self.sha256, "issuer": self.issuer, "next_update": until, "revoked": len(self.native)}
