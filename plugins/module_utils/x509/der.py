# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The little DER that a managed host needs: one strict walk over a certificate, without any library.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import List, Tuple

from ..errors import MalformedError

SEQUENCE = 0x30
INTEGER = 0x02
BIT_STRING = 0x03
OID = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18


@dataclass(frozen=True)
class Fields:
    """The parts of a certificate that need no interpretation, as whole DER values except `serial`, which is the number.

    `algorithm` is what made the signature; empty where the certificate says it twice and differently, or where its signature is
    no BIT STRING of whole octets: OpenSSL refuses any other, cryptography does not look.
    """

    serial: int
    issuer: bytes
    not_before: bytes
    not_after: bytes
    subject: bytes
    spki: bytes
    algorithm: bytes = b""


def header(data: bytes, at: int) -> Tuple[int, int, int]:
    """Tag, start and end of the content of the value at `at`; MalformedError when it is not DER or ends after the data."""
    end = len(data)
    if at + 2 > end:
        raise MalformedError("DER ends inside a value")
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or start + count > end:
            raise MalformedError("DER length is indefinite, too long or cut")
        length = int.from_bytes(data[start : start + count], "big")
        start += count
        if length < 0x80 or length >> (8 * (count - 1)) == 0:
            raise MalformedError("DER length is not in its shortest form")
    if start + length > end:
        raise MalformedError("DER ends inside a value")
    return tag, start, start + length


def is_whole(data: bytes) -> bool:
    """True when the bytes are exactly one DER SEQUENCE by its outer length: nothing cut, nothing behind."""
    try:
        tag, _start, end = header(data, 0)
    except MalformedError:
        return False
    return tag == SEQUENCE and end == len(data)


def _children(data: bytes, start: int, end: int, most: int) -> List[Tuple[int, int, int, int]]:
    """(tag, where the value starts, where its content starts, end) of the first `most` values between start and end."""
    found: List[Tuple[int, int, int, int]] = []
    at = start
    while at < end and len(found) < most:
        tag, content, stop = header(data, at)
        if stop > end:
            raise MalformedError("DER value runs out of the one that holds it")
        found.append((tag, at, content, stop))
        at = stop
    return found


def certificate_fields(data: bytes) -> Fields:
    """The fields of one DER certificate (RFC 5280 section 4.1); MalformedError when it has another shape."""
    if not is_whole(data):
        raise MalformedError("not one whole DER certificate: its outer length and its bytes differ")
    _tag, outer, end = header(data, 0)
    whole = _children(data, outer, end, 4)
    if not whole or whole[0][0] != SEQUENCE:
        raise MalformedError("not a DER certificate")
    parts = _children(data, whole[0][2], whole[0][3], 7)
    if parts and parts[0][0] == 0xA0:  # explicit version
        parts = parts[1:]
    if len(parts) < 6 or [part[0] for part in parts[:6]] != [INTEGER] + [SEQUENCE] * 5:
        raise MalformedError("not a DER certificate: its fields are missing or out of order")
    serial, signed, issuer, validity, subject, spki = parts[:6]
    dates = _children(data, validity[2], validity[3], 3)
    if len(dates) != 2:
        raise MalformedError("the validity does not hold two dates")
    return Fields(
        serial=int.from_bytes(data[serial[2] : serial[3]], "big", signed=True),
        issuer=data[issuer[1] : issuer[3]],
        not_before=data[dates[0][1] : dates[0][3]],
        not_after=data[dates[1][1] : dates[1][3]],
        subject=data[subject[1] : subject[3]],
        spki=data[spki[1] : spki[3]],
        algorithm=_algorithm(data, whole, data[signed[1] : signed[3]]),
    )


def _algorithm(data: bytes, whole: List[Tuple[int, int, int, int]], inner: bytes) -> bytes:
    outer = data[whole[1][1] : whole[1][3]] if _ends_in_octets(data, whole) else b""
    return inner if inner == outer else b""


def _ends_in_octets(data: bytes, whole: List[Tuple[int, int, int, int]]) -> bool:
    return len(whole) == 3 and whole[2][0] == BIT_STRING and data[whole[2][2] : whole[2][2] + 1] == b"\0"


def has_whole_signature(data: bytes) -> bool:
    """True when a certificate's signature is a BIT STRING of whole octets: OpenSSL refuses any other, cryptography does not look."""
    try:
        _tag, outer, end = header(data, 0)
        return _ends_in_octets(data, _children(data, outer, end, 4))
    except MalformedError:
        return False


def time_of(data: bytes) -> datetime:
    """The moment of a UTCTime or GeneralizedTime, in UTC and with its zone (RFC 5280 section 4.1.2.5)."""
    tag, start, end = header(data, 0)
    text = data[start:end]
    if tag == UTC_TIME and len(text) == 13:
        text = (b"19" if text[:2] >= b"50" else b"20") + text
    elif tag != GENERALIZED_TIME or len(text) != 15:
        raise MalformedError("a date is neither UTCTime nor GeneralizedTime to the second")
    if text[14:] != b"Z" or not text[:14].isdigit():
        raise MalformedError("a date is not in UTC, or not made of digits")
    parts = [int(text[:4])] + [int(text[i : i + 2]) for i in range(4, 14, 2)]
    try:
        return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise MalformedError(f"a date does not exist: {error}") from None


def algorithm_oid(spki: bytes) -> str:
    """The dotted OID of a SubjectPublicKeyInfo's algorithm, so that a key no library knows still has a name."""
    _tag, start, _end = header(spki, 0)
    _tag, start, _end = header(spki, start)
    tag, start, end = header(spki, start)
    if tag != OID or start == end or end - start > 64:
        raise MalformedError("the key's algorithm has no OID")
    arcs: List[int] = []
    value = 0
    for byte in spki[start:end]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(str(arc) for arc in [first, arcs[0] - 40 * first, *arcs[1:]]) if arcs else ""
