# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One TLS handshake that trusts nothing: it looks at whatever is served, within a budget of time and of bytes.

pyOpenSSL is used because no supported Python shows the served chain and the key-share group by `ssl`; records go through
memory, so that a server that never stops sending cannot keep the library busy past the deadline.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Optional, Tuple

from ._probe_values import is_address
from .errors import ClmError, ConfigError, MissingLibraryError, UnavailableError
from .x509.chain import MAX_PEER_CERTIFICATES

try:
    from OpenSSL import SSL, crypto

    HAS_PYOPENSSL = hasattr(SSL.Connection, "get_group_name")
except ImportError:
    HAS_PYOPENSSL = False

MAX_HANDSHAKE_BYTES = 262144  # OpenSSL itself takes 100 KiB of certificates; nothing else in a handshake is large
SIGNATURES = {"rsa": b"aRSA", "ecdsa": b"aECDSA"}
_CHUNK = 16384
_PEER_ALERT = re.compile(r"\b(?:ssl|tls)\S* alert\b")  # how OpenSSL words what the peer sent, and not its own complaints
_OP_LEGACY_SERVER_CONNECT = 0x4  # RFC 5746: an old server without secure renegotiation is still to be seen


class RefusedError(ClmError):
    """A TLS server answered with an alert and showed no certificate that it has the key of."""


@dataclass(frozen=True)
class Served:
    """What a handshake showed; `chain_der` holds at most 16 of the `sent` certificates."""

    chain_der: Tuple[bytes, ...]
    sent: int
    protocol: str
    cipher: str
    group: str


@dataclass(frozen=True)
class Client:
    """What threads share for their handshakes. `turn` lets few of them compute at once and all of them wait at once.

    Without it the library's many short calls make 64 threads fight for the interpreter lock: measured 0.6 of a bare
    loop's rate, with it 1.0 (tests/benchmarks/probe.py).
    """

    context: Any
    turn: threading.Semaphore


def make_client(slot: str = "default", turn: Optional[threading.Semaphore] = None) -> Client:
    """A client that verifies nothing and speaks old protocols too: a look reports, it does not refuse.

    One for a slot takes only that signature, which only TLS 1.2's cipher names can say.
    """
    if not HAS_PYOPENSSL:
        raise MissingLibraryError("probing needs pyOpenSSL 26 or newer on the controller", hint="pip install 'pyOpenSSL>=26'")
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_cipher_list(SIGNATURES.get(slot, b"DEFAULT") + b":@SECLEVEL=0")
    if slot in SIGNATURES:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_options(_OP_LEGACY_SERVER_CONNECT)
    return Client(context, turn or threading.Semaphore(min(4, os.cpu_count() or 1)))


class _Pump:
    """Moves a handshake's bytes between a socket and the TLS library, and stops at the deadline or the byte limit."""

    def __init__(self, sock: socket.socket, connection: Any, turn: threading.Semaphore, seconds: float) -> None:
        self.sock = sock
        self.turn = turn
        self.connection = connection
        self.deadline = time.monotonic() + seconds
        self.received = 0
        self.flights = 0

    def run(self) -> Served:
        """Shake hands; SSL.Error when the library or the peer gave up."""
        data = b""
        while True:
            served, answer = self._step(data)
            if served is not None:
                with suppress(OSError):  # the server may be gone by now, and the look stays good
                    self._send(answer)
                return served
            self._send(answer)
            data = self._receive()

    def _step(self, data: bytes) -> Tuple[Optional[Served], bytes]:
        """Give the library what came; what was served once it is done, and what it has to say (at the end a goodbye too)."""
        served = None
        with self.turn:
            if data:
                self.connection.bio_write(data)
            with suppress(SSL.WantReadError):
                self.connection.do_handshake()
                served = _served(self.connection)
            if served is not None:
                with suppress(SSL.Error):
                    self.connection.shutdown()
            try:
                return served, self.connection.bio_read(_CHUNK)
            except SSL.WantReadError:
                return served, b""

    def _tick(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.sock.settimeout(left)

    def _send(self, data: bytes) -> None:
        if data:
            self._tick()
            self.sock.sendall(data)
            self.flights += 1

    def _receive(self) -> bytes:
        self._tick()
        data = self.sock.recv(_CHUNK)
        self.received += len(data)
        if not data:
            raise UnavailableError("the server closed the connection during the TLS handshake", hint="see the server's own log")
        if self.received > MAX_HANDSHAKE_BYTES:
            raise UnavailableError(f"the server sent more than {MAX_HANDSHAKE_BYTES} bytes without finishing the TLS handshake")
        return data


def _reason(error: Any) -> str:
    reasons = [str(row[-1]) for row in (error.args[0] if error.args and isinstance(error.args[0], list) else []) if row]
    return "; ".join(reasons) or str(error) or type(error).__name__


def _key_was_proven(pump: _Pump) -> bool:
    """True when the server signed the key exchange and gave up only later, as TLS 1.2 does to a client without a certificate.

    RFC 5246, 7.3: the client's second flight follows the verified ServerKeyExchange; static RSA has none.
    """
    connection = pump.connection
    cipher = connection.get_cipher_name() or ""
    return pump.flights >= 2 and cipher.startswith(("ECDHE-", "DHE-")) and connection.get_protocol_version_name() != "TLSv1.3"


def _failure(error: Any) -> ClmError:
    reason = _reason(error)
    if _PEER_ALERT.search(reason):
        return RefusedError(f"the server refused the TLS handshake: {reason}", hint="see the server's own log for its reason")
    if "wrong version number" in reason or "packet length too long" in reason:
        return UnavailableError("what answered does not speak TLS", hint="check the port and starttls")
    if "excessive message size" in reason:
        return UnavailableError("the server sent more certificates than any client takes (100 KiB)", hint="mend its chain file")
    return UnavailableError(f"the TLS handshake failed: {reason}")


def _served(connection: Any) -> Served:
    chain = connection.get_peer_cert_chain() or []
    if not chain:
        raise RefusedError("the server finished the TLS handshake without a certificate")
    try:
        ders = tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in chain[:MAX_PEER_CERTIFICATES])
    except crypto.Error as error:
        raise UnavailableError(f"a served certificate cannot be encoded: {_reason(error)}") from error
    return Served(
        ders,
        len(chain),
        connection.get_protocol_version_name(),
        connection.get_cipher_name() or "",
        connection.get_group_name() or "",
    )


def _sni(name: str) -> bytes:
    """RFC 6066, 3: an ASCII host name without a trailing dot; empty for none and for addresses."""
    bare = name.rstrip(".")
    if not bare or is_address(bare):
        return b""
    if not bare.isascii() or not bare.isprintable() or len(bare) > 253:
        raise ConfigError(f"{name!r} cannot be asked for by SNI", hint="write it as A-labels (xn--...)", field="server_name")
    return bare.encode("ascii")


def shake_hands(sock: socket.socket, client: Client, server_name: str, seconds: float) -> Served:
    """What the server behind a connected socket shows to a client that asks for `server_name`; for an address it asks for none.

    Ends within `seconds`. RefusedError: a TLS server said no; UnavailableError: nothing can be said about what it serves.
    """
    sni = _sni(server_name)
    with client.turn:
        connection = SSL.Connection(client.context, None)
        connection.set_connect_state()
        if sni:
            connection.set_tlsext_host_name(sni)
    pump = _Pump(sock, connection, client.turn, seconds)
    try:
        return pump.run()
    except (SSL.Error, ClmError, OSError) as error:
        if _key_was_proven(pump) and connection.get_peer_cert_chain():
            return _served(connection)
        if isinstance(error, SSL.Error):
            raise _failure(error) from error
        raise
