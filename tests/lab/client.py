# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS client of the tests' own: what is served, by a real handshake with the standard library."""

from __future__ import annotations

import hashlib
import socket
import ssl
from typing import Dict, Optional, Sequence, Tuple

MYSQL_SSL_REQUEST = bytes.fromhex("20000001008a0000000000012d") + bytes(23)
XMPP_OPEN = b"<stream:stream to='%s' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
# By protocol, what is sent and what must be in the answer before the next is sent; an independent second opinion on the product's own.
BEFORE_TLS: Dict[str, Sequence[Tuple[bytes, bytes]]] = {
    "none": (),
    "postgresql": ((b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"S"),),
    "smtp": ((b"", b"220 "), (b"EHLO lab.example\r\n", b"STARTTLS"), (b"STARTTLS\r\n", b"220 ")),
    "imap": ((b"", b"* OK"), (b"t STARTTLS\r\n", b"t OK")),
    "ftp": ((b"", b"220 "), (b"AUTH TLS\r\n", b"234 ")),
    "ldap": ((bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037", b"\x0a\x01\x00"),),
    "mysql": ((b"", b"mysql_native_password"), (MYSQL_SSL_REQUEST, b"")),
    "xmpp": ((XMPP_OPEN, b"</stream:features>"), (b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<proceed")),
}


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
        for said, wanted in BEFORE_TLS[starttls]:
            raw.sendall(said.replace(b"%s", name.encode()))
            _await(raw, wanted)
        return context.wrap_socket(raw, server_hostname=name)
    except BaseException:
        raw.close()
        raise


def _await(raw: socket.socket, wanted: bytes) -> None:
    """Read until that was said."""
    answer = b""
    while wanted not in answer:
        part = raw.recv(1 if wanted in (b"S", b"<proceed") else 4096)
        if not part:
            raise ssl.SSLError(f"the server does not speak TLS: {answer!r}")
        answer += part
    if wanted == b"<proceed":
        _await(raw, b"/>")


def sha256_of(connection: ssl.SSLSocket) -> str:
    """SHA-256 of the served leaf, lower hex."""
    return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


def served(address: str, port: int, name: str, *, anchors: Optional[str] = None, starttls: str = "none") -> str:
    """SHA-256 of the leaf that a new connection is shown."""
    with connect(address, port, name, anchors=anchors, starttls=starttls) as connection:
        return sha256_of(connection)
