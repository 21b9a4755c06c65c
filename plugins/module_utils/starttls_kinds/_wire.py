# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection before its TLS handshake, and the replies in lines that mail and file servers share.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import re
import socket
import time
from typing import List, Optional, Protocol, Tuple

from ..errors import ClmError, UnavailableError

MAX_BYTES = 65536  # what a server may say in clear
MAX_LINE = 4096
MAX_LINES = 200
ANOTHER_PORT = "is this port really {}?"
_REPLY = re.compile(r"(\d{3})([ -]|$)")


class Wire:
    """A socket whose operations share one budget of time and of bytes, so that a slow or endless talker is cut off.

    Nothing is read ahead: what a server says after its word that TLS begins belongs to TLS (CVE-2011-0411, CVE-2021-23222).
    """

    def __init__(self, sock: socket.socket, seconds: Optional[float]) -> None:
        self._sock = sock
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._bytes_left = MAX_BYTES

    def _tick(self) -> None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout("timed out")
            self._sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        """Send everything or raise OSError."""
        self._tick()
        self._sock.sendall(data)

    def recv(self, count: int) -> bytes:
        """1 to `count` bytes; an end of the connection is an error, because nobody ends it before TLS."""
        self._tick()
        if self._bytes_left <= 0:
            raise UnavailableError(f"the server said more than {MAX_BYTES} bytes instead of starting TLS")
        data = self._sock.recv(min(count, self._bytes_left))
        if not data:
            raise UnavailableError("the server closed the connection instead of starting TLS")
        self._bytes_left -= len(data)
        return data

    def exactly(self, count: int) -> bytes:
        """Exactly `count` bytes."""
        data = b""
        while len(data) < count:
            data += self.recv(count - len(data))
        return data

    def until(self, end: bytes, most: int = MAX_LINE) -> bytes:
        """Everything up to and with `end`, which is one byte, and not one byte more."""
        data = bytearray()
        while not data.endswith(end):
            if len(data) >= most:
                raise UnavailableError(f"the server said {most} bytes in one piece instead of starting TLS")
            data += self.recv(1)
        return bytes(data)

    def line(self) -> str:
        """One line without its end; bytes that are no ASCII are replaced."""
        return self.until(b"\n").decode("ascii", "replace").rstrip("\r\n")


class StartTls(Protocol):
    """A file of this folder: what it says until TLS begins, and the port where it is usual."""

    PORT: int

    def start(self, wire: Wire, name: str) -> None:
        """Talk until the other side's next byte is TLS, or raise ClmError; `name` is the one that is asked for."""

    def openssl(self, name: str) -> Tuple[str, ...]:
        """The words of `openssl s_client` for it."""


def reply(wire: Wire, wanted: str, protocol: str) -> List[str]:
    """The lines of one reply with the wanted three-digit code; ClmError for another code, or for what is no reply."""
    lines = [wire.line()]
    code = _REPLY.match(lines[0])
    if not code:
        raise ClmError(f"what answered is no {protocol} server: {shown(lines[0])}", hint=ANOTHER_PORT.format(protocol))
    while not (lines[-1][:3] == code.group(1) and lines[-1][3:4] != "-"):
        if len(lines) >= MAX_LINES:
            raise UnavailableError(f"the {protocol} server said {MAX_LINES} lines instead of starting TLS")
        lines.append(wire.line())
    if code.group(1) != wanted:
        raise ClmError(
            f"the {protocol} server answered {shown(lines[-1])}, not {wanted}", hint=f"see that TLS is on in its {protocol} service"
        )
    return lines


def shown(text: str) -> str:
    """What a server said, fit for a message."""
    return repr("".join(char if char.isprintable() else "?" for char in text[:120]))
