# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP (RFC 4511, 4.14): one extended request. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

from typing import Tuple

from ..errors import ClmError
from ._wire import ANOTHER_PORT, Wire

NAME = "ldap"
PORT = 389
START_TLS = b"1.3.6.1.4.1.1466.20037"
# LDAPMessage { messageID 1, [APPLICATION 23] ExtendedRequest { requestName [0] } } in BER, whose lengths all fit into one byte.
REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + START_TLS
MOST = 8192  # bytes of the answer
MESSAGE, INTEGER, ENUMERATED, EXTENDED_RESPONSE = 0x30, 0x02, 0x0A, 0x78


def start(wire: Wire, name: str) -> None:
    """Request and response; result code 0 is yes."""
    wire.sendall(REQUEST)
    head = wire.exactly(2)
    size = head[1]
    if size > 0x80:
        count = size & 0x7F
        size = int.from_bytes(wire.exactly(count), "big") if count <= 4 else MOST + 1
    if head[0] != MESSAGE or size == 0x80 or size > MOST:
        raise _no_ldap()
    code = _result(wire.exactly(size))
    if code != 0:
        raise ClmError(
            f"the LDAP server refused to start TLS with result code {code}", hint="see that it has a certificate and allows StartTLS"
        )


def _result(body: bytes) -> int:
    """The result code of the ExtendedResponse in a message."""
    number, rest = _take(body, INTEGER)
    if int.from_bytes(number, "big") != 1:
        raise _no_ldap()
    response, _controls = _take(rest, EXTENDED_RESPONSE)
    code, _rest = _take(response, ENUMERATED)
    return int.from_bytes(code[:4], "big")


def _take(data: bytes, tag: int) -> Tuple[bytes, bytes]:
    """(content of the first element, what follows it); ClmError when it has another tag or is cut."""
    if len(data) < 2 or data[0] != tag:
        raise _no_ldap()
    size, begin = data[1], 2
    if size >= 0x80:
        begin += size & 0x7F
        size = int.from_bytes(data[2:begin], "big") if 2 < begin <= 6 else MOST
    if begin + size > len(data):
        raise _no_ldap()
    return data[begin : begin + size], data[begin + size :]


def _no_ldap() -> ClmError:
    return ClmError("what answered is no LDAP response", hint=ANOTHER_PORT.format("LDAP"))


def openssl(name: str) -> Tuple[str, ...]:
    """The words of `openssl s_client`."""
    return "-starttls", "ldap"
