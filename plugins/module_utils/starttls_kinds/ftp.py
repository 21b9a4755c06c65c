# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FTP (RFC 4217). Standard library only: this file travels to managed hosts."""

from __future__ import annotations

from typing import Tuple

from ._wire import Wire, reply

NAME = "ftp"
PORT = 21


def start(wire: Wire, name: str) -> None:
    """Greeting, AUTH TLS."""
    reply(wire, "220", "FTP")
    wire.sendall(b"AUTH TLS\r\n")
    reply(wire, "234", "FTP")


def openssl(name: str) -> Tuple[str, ...]:
    """The words of `openssl s_client`."""
    return "-starttls", "ftp"
