# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: one request, one byte back. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

import struct
from typing import Tuple

from ..errors import ClmError
from ._wire import Wire

NAME = "postgresql"
PORT = 5432
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # length, code 1234.5679: protocol 3.0, "SSLRequest"


def start(wire: Wire, name: str) -> None:
    """Never more than one byte is read: what follows belongs to TLS (CVE-2021-23222)."""
    wire.sendall(SSL_REQUEST)
    answer = wire.recv(1)
    if answer == b"N":
        raise ClmError("the PostgreSQL server has TLS switched off", hint="set ssl = on in its postgresql.conf and reload it")
    if answer != b"S":
        raise ClmError(
            f"the server answered the PostgreSQL request for TLS with byte 0x{answer.hex()}, not with S or N",
            hint="is this port really PostgreSQL?",
        )


def openssl(name: str) -> Tuple[str, ...]:
    """The words of `openssl s_client`."""
    return "-starttls", "postgres"
