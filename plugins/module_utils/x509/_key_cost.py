# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to decrypt a private key, read before it is paid: a few bytes of a file could ask for years."""

from __future__ import annotations

from typing import List, Tuple

from ..errors import MalformedError
from .der import INTEGER, OID, SEQUENCE, header

MAX_ROUNDS = 2_000_000  # OpenSSL writes 2,048 and OWASP asks for 600,000
MAX_SCRYPT = 1 << 21  # N * r * p; OpenSSL writes 2^17
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_DEEPEST = 8


def check_cost(der: bytes) -> None:
    """Return when the key (EncryptedPrivateKeyInfo, RFC 5958) can be decrypted in about a second; MalformedError when not."""
    _tag, start, _end = header(der, 0)
    _tag, start, end = header(der, start)
    oids, numbers = _walk(der[start:end], _DEEPEST)
    if _SCRYPT in oids:
        cost = 1
        for number in numbers[:3]:
            cost *= max(number, 1)
        costly = cost > MAX_SCRYPT
    else:
        costly = any(number > MAX_ROUNDS for number in numbers)
    if costly:
        raise MalformedError("the private key asks for more work to be decrypted than is taken", hint="encrypt it again with fewer rounds")


def _walk(data: bytes, deep: int) -> Tuple[List[bytes], List[int]]:
    """The OIDs and the numbers of an algorithm's parameters, in their order."""
    oids: List[bytes] = []
    numbers: List[int] = []
    at = 0
    while at < len(data) and deep:
        tag, start, end = header(data, at)
        if tag == SEQUENCE:
            inner = _walk(data[start:end], deep - 1)
            oids += inner[0]
            numbers += inner[1]
        elif tag == OID:
            oids.append(data[start:end])
        elif tag == INTEGER:
            numbers.append(int.from_bytes(data[start:end], "big"))
        at = end
    return oids, numbers
