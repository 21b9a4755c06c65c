# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewal information (RFC 9773): the name of a certificate in it, and the window that the CA answers."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Mapping, Optional

from ..errors import ClmError, MalformedError, UnavailableError
from ..x509.certificate import Certificate
from ._acme_problem import clean
from ._acme_wire import Wire, when
from ._powers import Hint

LEAST, MOST = 60.0, 86400.0  # seconds between two questions (section 4.3.2)
AGAIN = 21600.0  # where the CA does not say when


def certificate_id(certificate_pem: str) -> str:
    """The certificate's name (section 4.1); MalformedError when it has none, for want of an authority key identifier."""
    leaf = Certificate.from_pem(certificate_pem)
    if not leaf.aki or not leaf.serial:
        raise MalformedError("the certificate has no authority key identifier, so ARI has no name for it")
    serial = int(leaf.serial, 16)
    number = serial.to_bytes(serial.bit_length() // 8 + 1, "big")  # with the leading zero of an ASN.1 INTEGER
    return f"{_b64(bytes.fromhex(leaf.aki))}.{_b64(number)}"


def hint(wire: Wire, certificate_pem: str, now: datetime) -> Optional[Hint]:
    """The window of a certificate; None where this CA has no renewal information, ClmError when it gave no usable answer."""
    base = wire.directory.get("renewalInfo")
    if not isinstance(base, str):
        return None
    reply = wire.get(f"{base.rstrip('/')}/{certificate_id(certificate_pem)}")
    data = reply.data
    window = data.get("suggestedWindow")
    start, end = (when(window.get(name)) for name in ("start", "end")) if isinstance(window, Mapping) else (None, None)
    if start is None or end is None or end <= start:
        raise ClmError("the CA's renewal window is no window: it must end after it starts")
    wait = AGAIN if reply.retry_after is None else min(max(reply.retry_after, LEAST), MOST)
    return Hint(start, end, now + timedelta(seconds=wait), clean(data.get("explanationURL"), 300))


def is_temporary(error: ClmError) -> bool:
    """Whether to ask again soon (section 4.3.3): it did not answer in time, or was not able to."""
    return isinstance(error, UnavailableError)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
