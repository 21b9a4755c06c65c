# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMTP (RFC 3207). Standard library only: this file travels to managed hosts."""

from __future__ import annotations

from typing import Tuple

from ..errors import ClmError
from ._wire import Wire, reply

NAME = "smtp"
PORT = 25


def start(wire: Wire, name: str) -> None:
    """Greeting, EHLO with an address instead of a name that we may not have, STARTTLS."""
    reply(wire, "220", "SMTP")
    wire.sendall(b"EHLO [127.0.0.1]\r\n")
    offered = {line[4:].strip().upper() for line in reply(wire, "250", "SMTP")}
    if "STARTTLS" not in offered:
        raise ClmError("the SMTP server does not offer STARTTLS", hint="see that TLS is on there (Postfix: smtpd_tls_security_level = may)")
    wire.sendall(b"STARTTLS\r\n")
    reply(wire, "220", "SMTP")


def openssl(name: str) -> Tuple[str, ...]:
    """The words of `openssl s_client`."""
    return "-starttls", "smtp"
