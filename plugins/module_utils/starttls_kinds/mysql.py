# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MySQL and MariaDB: the server's greeting, then the SSLRequest packet. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

import struct
from typing import Tuple

from ..errors import ClmError
from ._wire import ANOTHER_PORT, Wire, shown

NAME = "mysql"
PORT = 3306
MOST = 4096  # bytes of a greeting
CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION = 0x0200, 0x0800, 0x8000
PACKET, UTF8MB4 = 1 << 24, 45


def start(wire: Wire, name: str) -> None:
    """Greeting, and the request as packet number 1; what follows is TLS."""
    head = wire.exactly(4)
    size = int.from_bytes(head[:3], "little")
    if not 0 < size <= MOST or head[3] != 0:
        raise ClmError("what answered is no MySQL greeting", hint=ANOTHER_PORT.format("MySQL or MariaDB"))
    if not _capabilities(wire.exactly(size)) & CLIENT_SSL:
        raise ClmError("the MySQL server has TLS switched off", hint="set ssl_cert and ssl_key in its configuration, and restart it")
    wanted = CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION
    body = struct.pack("<IIB23x", wanted, PACKET, UTF8MB4)
    wire.sendall(len(body).to_bytes(3, "little") + b"\x01" + body)


def _capabilities(greeting: bytes) -> int:
    """The lower 16 capabilities of a greeting of protocol 10."""
    if greeting[:1] == b"\xff":
        raise ClmError(f"the MySQL server refuses this host: {shown(greeting[3:].decode('utf-8', 'replace'))}", hint="see its error log")
    end = greeting.find(b"\0", 1)
    at = end + 1 + 4 + 8 + 1  # thread id, first part of the nonce, filler
    if greeting[:1] != b"\x0a" or end < 0 or len(greeting) < at + 2:
        raise ClmError("what answered is no MySQL greeting", hint=ANOTHER_PORT.format("MySQL or MariaDB"))
    return int.from_bytes(greeting[at : at + 2], "little")


def openssl(name: str) -> Tuple[str, ...]:
    """The words of `openssl s_client`."""
    return "-starttls", "mysql"
