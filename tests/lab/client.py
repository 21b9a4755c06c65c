# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS client of the tests' own: what is served, by a real handshake with the standard library."""

from __future__ import annotations

import hashlib
import socket
import ssl
from typing import Optional

PG_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


def can_connect(address: str, port: int) -> bool:
    """Whether anything listens there."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def connect(address: str, port: int, name: str, *, anchors: Optional[str] = None, starttls: str = "none",
            timeout: float = 20.0) -> ssl.SSLSocket:
    """An open TLS connection; with `anchors` (PEM) chain and name must hold, without them nothing is checked."""
    context = ssl.create_default_context(cadata=anchors) if anchors else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not anchors:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    raw = socket.create_connection((address, port), timeout=timeout)
    try:
        if starttls == "postgresql":
            raw.sendall(PG_SSL_REQUEST)
            if raw.recv(1) != b"S":
                raise ssl.SSLError("the server does not speak TLS")
        return context.wrap_socket(raw, server_hostname=name)
    except BaseException:
        raw.close()
        raise


def sha256_of(connection: ssl.SSLSocket) -> str:
    """SHA-256 of the served leaf, lower hex."""
    return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


def served(address: str, port: int, name: str, *, anchors: Optional[str] = None, starttls: str = "none") -> str:
    """SHA-256 of the leaf that a new connection is shown."""
    with connect(address, port, name, anchors=anchors, starttls=starttls) as connection:
        return sha256_of(connection)
