# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said in clear before a TLS handshake, one small function for each protocol.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Callable, Dict, Optional, Tuple

from .errors import ClmError, ConfigError, UnavailableError

MAX_BYTES = 65536  # what a server may say in clear
PG_SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # length, code 1234.5679: PostgreSQL protocol 3.0, "SSLRequest"


class _Wire:
    """A socket whose operations share one budget of time and of bytes, so that a slow or endless talker is cut off."""

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


def _none(wire: _Wire) -> None:
    """TLS from the first byte: nothing to say."""


def _postgresql(wire: _Wire) -> None:
    """One request, one byte back. Never more than one byte is read: what follows belongs to TLS (CVE-2021-23222)."""
    wire.sendall(PG_SSL_REQUEST)
    answer = wire.recv(1)
    if answer == b"N":
        raise ClmError("the PostgreSQL server has TLS switched off", hint="set ssl = on in its postgresql.conf and reload it")
    if answer != b"S":
        raise ClmError(
            f"the server answered the PostgreSQL request for TLS with byte 0x{answer.hex()}, not with S or N",
            hint="is this port really PostgreSQL?",
        )


_KINDS: Dict[str, Callable[[_Wire], None]] = {
    "none": _none,
    "postgresql": _postgresql,
}

KINDS: Tuple[str, ...] = tuple(_KINDS)


def negotiate(sock: socket.socket, kind: str) -> None:
    """Bring a connected socket to where the TLS handshake starts, or raise ClmError.

    The socket's time-out bounds the whole negotiation, not each operation; it is the same afterwards.
    """
    if kind not in _KINDS:
        raise ConfigError(f"{kind!r} is not known", hint="one of: " + ", ".join(KINDS), field="starttls")
    seconds = sock.gettimeout()
    try:
        _KINDS[kind](_Wire(sock, seconds))
    except socket.timeout as error:
        raise UnavailableError(f"no answer to the {kind} request for TLS in time") from error
    except OSError as error:
        raise UnavailableError(f"the connection broke during the {kind} request for TLS: {error}") from error
    finally:
        sock.settimeout(seconds)
