# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS-ALPN-01 (RFC 8737; for addresses RFC 8738 section 6) by a responder on the controller.

The CA asks on port 443 of the name; the responder listens where something forwards that to.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socketserver
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping

from ..contracts import Challenge, Challenger, Clock
from ..errors import MissingLibraryError
from ..x509._crypto import ec, hashes, x509
from ..x509.names import is_address
from ._responder import Responder, Server

try:
    from OpenSSL import SSL
except ImportError:
    SSL = None

NAME = "tls_alpn_01"
OPTIONS: Dict[str, Any] = {"address": {"type": "str", "default": "0.0.0.0"}, "port": {"type": "int", "default": 443}}
KIND = "tls-alpn-01"
PROTOCOL = b"acme-tls/1"
ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31"


def create(options: Mapping[str, Any], clock: Clock) -> Challenger:
    """The responder at address and port."""
    where = (str(options.get("address") or "0.0.0.0"), int(options.get("port") or 443))
    return Responder(KIND, where, _Handler, lambda one: (server_name(one.name), context(one)))


def server_name(name: str) -> str:
    """What the CA asks for by SNI: the name, or that of an address in reverse (RFC 8738 section 6)."""
    return ipaddress.ip_address(name).reverse_pointer if is_address(name) else name.lower()


def context(challenge: Challenge) -> Any:
    """A TLS context that speaks acme-tls/1 only, with the certificate that proves the name."""
    if SSL is None:
        raise MissingLibraryError("the Python package pyOpenSSL is not installed where this runs", hint="pip install 'pyOpenSSL>=26'")
    key = ec.generate_private_key(ec.SECP256R1())
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.use_privatekey(_as_openssl_key(key))
    made.use_certificate(_as_openssl(_certificate(challenge, key)))
    made.set_alpn_select_callback(_select)
    return made


def _select(connection: Any, offered: List[bytes]) -> Any:
    return PROTOCOL if PROTOCOL in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _certificate(challenge: Challenge, key: Any) -> Any:
    """Self-signed, with the digest of the key authorization in a critical extension (RFC 8737 section 3)."""
    now = datetime.now(timezone.utc)
    address = is_address(challenge.name)
    name = x509.IPAddress(ipaddress.ip_address(challenge.name)) if address else x509.DNSName(challenge.name)
    digest = hashlib.sha256(challenge.key_authorization.encode("ascii")).digest()
    proof = x509.UnrecognizedExtension(x509.ObjectIdentifier(ACME_IDENTIFIER), b"\x04\x20" + digest)
    empty = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(empty).issuer_name(empty).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=True).add_extension(proof, critical=True)
    return builder.sign(key, hashes.SHA256())


def _as_openssl(certificate: Any) -> Any:
    from OpenSSL import crypto

    return crypto.X509.from_cryptography(certificate)


def _as_openssl_key(key: Any) -> Any:
    from OpenSSL import crypto

    return crypto.PKey.from_cryptography_key(key)


class _Handler(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        """One handshake; the name that is asked for chooses the certificate, and nothing is said after it."""
        self.request.settimeout(None)  # pyOpenSSL: a timeout makes the socket non-blocking

        def choose(connection: Any) -> None:
            found = self.server.entries.get((connection.get_servername() or b"").decode("ascii", "replace").lower().rstrip("."))
            if found is not None:
                connection.set_context(found)

        first = SSL.Context(SSL.TLS_SERVER_METHOD)
        first.set_tlsext_servername_callback(choose)
        first.set_alpn_select_callback(_select)
        connection = SSL.Connection(first, self.request)
        connection.set_accept_state()
        try:
            connection.do_handshake()
            connection.shutdown()
        except SSL.Error:
            pass  # the CA says what it did not get
