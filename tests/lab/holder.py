# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that keeps one connection and asks on it all the time, as an application or a pool of connections does.

A server may end a connection between two requests, properly: then the client opens the next one, and its request loses nothing.
It may also end one while a request is on its way and not a byte has been answered; HTTP's clients then ask once more on a new
connection (RFC 9112, section 9.3.1), and so does this one. Anything else is an error: an answer cut short or wrong, a reset, a
connection that cannot be opened.
"""

from __future__ import annotations

import ssl
import struct
import threading
from typing import Callable, Dict, List, Optional

from .client import connect, sha256_of


class Broken(OSError):
    """The server did not keep to its protocol."""


class Unanswered(OSError):
    """It ended the connection while the request was on its way, and had answered nothing."""


def read(connection: ssl.SSLSocket, begun: bool = True) -> bytes:
    """Some bytes; the end is an error here, of one kind or the other."""
    try:
        data = connection.recv(4096)
    except (ConnectionError, ssl.SSLEOFError) as error:
        raise (Broken if begun else Unanswered)(f"{type(error).__name__}: {error}") from None
    if not data:
        raise (Broken if begun else Unanswered)("the connection ended")
    return data


def send(connection: ssl.SSLSocket, data: bytes) -> None:
    """The request as a whole."""
    try:
        connection.sendall(data)
    except (ConnectionError, ssl.SSLEOFError) as error:
        raise Unanswered(f"{type(error).__name__}: {error}") from None


def http(connection: ssl.SSLSocket, name: str) -> bool:
    """One GET; False when the server says that it ends the connection now."""
    send(connection, f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
    data = read(connection, begun=False)
    while b"\r\n\r\n" not in data:
        data += read(connection)
    head, body = data.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    while len(body) < int(fields["content-length"]):
        body += read(connection)
    if " 200 " not in first or len(body) != int(fields["content-length"]):
        raise Broken(f"{first}: {len(body)} bytes")
    return fields.get("connection") != "close"


def echo(connection: ssl.SSLSocket, name: str) -> bool:
    """The small server says what it is told."""
    send(connection, name.encode())
    data = read(connection, begun=False)
    while len(data) < len(name):
        data += read(connection)
    if data != name.encode():
        raise Broken(f"it answered {data[:50]!r}")
    return True


def messages(connection: ssl.SSLSocket) -> List[bytes]:
    """The kinds of PostgreSQL's messages until it is ready for a query; one that says an error is one."""
    kinds, data, begun = [], b"", False
    while True:
        while len(data) < 5 or len(data) <= (length := struct.unpack("!I", data[1:5])[0]):
            data, begun = data + read(connection, begun), True
        kind, text, data = data[:1], data[5 : 1 + length], data[1 + length :]
        if kind == b"E":
            raise Broken(text.replace(b"\0", b" ").decode(errors="replace")[:300])
        kinds.append(kind)
        if kind == b"Z":
            return kinds


def sql(connection: ssl.SSLSocket, _name: str) -> bool:
    """SELECT 1, and one row."""
    send(connection, b"Q" + struct.pack("!I", 13) + b"SELECT 1\0")
    if messages(connection).count(b"D") != 1:
        raise Broken("not one row")
    return True


def log_in(connection: ssl.SSLSocket) -> None:
    """PostgreSQL's start of a session."""
    text = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"
    connection.sendall(struct.pack("!I", len(text) + 4) + text)
    messages(connection)


SPEAKS: Dict[str, Callable[[ssl.SSLSocket, str], bool]] = {"nginx": http, "haproxy": http, "postgresql": sql, "generic": echo}


class Holder:
    """Asks from entry to exit; `errors` is what no client may see."""

    def __init__(self, kind: str, address: str, port: int, name: str, *, anchors: str, starttls: str = "none",
                 interval: float = 0.02) -> None:
        self.where, self.anchors, self.starttls, self.interval = (address, port, name), anchors, starttls, interval
        self.ask, self.logs_in = SPEAKS[kind], kind == "postgresql"
        self.requests, self.unanswered = 0, 0
        self.served: List[str] = []  # the SHA-256 of each connection, in their order
        self.errors: List[str] = []
        self._connection: Optional[ssl.SSLSocket] = None
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._hold, daemon=True)

    @property
    def reopened(self) -> int:
        """How often the server ended a connection, and was asked on a new one."""
        return max(0, len(self.served) - 1)

    def __enter__(self) -> Holder:
        self._thread.start()
        return self

    def __exit__(self, *_nothing: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._drop()

    def _hold(self) -> None:
        while not self._stop.is_set():
            try:
                self._once()
            except OSError as error:  # ssl.SSLError is one
                self.errors.append(f"request {self.requests}: {type(error).__name__}: {error}")
                self._drop()
            self._stop.wait(self.interval)

    def _once(self) -> None:
        """One request and its answer, asked again where the first way ended before any of it came."""
        reused = self._connection is not None and not self._ended()
        try:
            going_on = self.ask(self._open(), self.where[2])
        except Unanswered:
            if not reused:
                raise
            self.unanswered += 1
            self._drop()
            going_on = self.ask(self._open(), self.where[2])
        self.requests += 1
        if not going_on:
            self._drop()

    def _open(self) -> ssl.SSLSocket:
        if self._connection is None:
            self._connection = connect(*self.where, anchors=self.anchors, starttls=self.starttls)
            if self.logs_in:
                log_in(self._connection)
            self.served.append(sha256_of(self._connection))
        return self._connection

    def _ended(self) -> bool:
        """Whether the server has properly closed it since the last answer; a broken end is an error."""
        assert self._connection is not None
        self._connection.settimeout(0)
        try:
            if self._connection.recv(1):
                raise Broken("the server said something that nobody asked for")
        except (ssl.SSLWantReadError, BlockingIOError):
            self._connection.settimeout(20)
            return False
        self._drop()
        return True

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
