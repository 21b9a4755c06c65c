# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IMAP (RFC 9051). Standard library only: this file travels to managed hosts."""

from __future__ import annotations

from typing import Tuple

from ..errors import ClmError, UnavailableError
from ._wire import ANOTHER_PORT, MAX_LINES, Wire, shown

NAME = "imap"
PORT = 143


def start(wire: Wire, name: str) -> None:
    """Greeting, STARTTLS; lines without our tag are none of our business."""
    greeting = wire.line()
    if not greeting.upper().startswith("* OK"):
        raise ClmError(f"what answered is no IMAP server that takes new clients: {shown(greeting)}", hint=ANOTHER_PORT.format("IMAP"))
    wire.sendall(b"a1 STARTTLS\r\n")
    for _line in range(MAX_LINES):
        answer = wire.line()
        if answer.lower().startswith("a1 "):
            if answer[3:5].upper() != "OK":
                raise ClmError(f"the IMAP server refused STARTTLS: {shown(answer)}", hint="see that TLS is on there (Dovecot: ssl = yes)")
            return
    raise UnavailableError(f"the IMAP server said {MAX_LINES} lines instead of starting TLS")


def openssl(name: str) -> Tuple[str, ...]:
    """The words of `openssl s_client`."""
    return "-starttls", "imap"
