# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How places of the emulator verify their clients, and a TLS connection that is judged by it. Runs inside the emulator's process.

A client that is let in and says something is answered with `X-Lab-Client`: the SHA-256 of its certificate, or `-`. What it is refused
for ends the connection. With TLS 1.3 a client has its own handshake done by then, so only the answer shows that it is in.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence, Tuple

from aws_patches.elbv2_trust import GIVEN, LABEL, object_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.cloudfront.models import cloudfront_backends
from moto.elbv2.models import elbv2_backends
from OpenSSL import SSL
from OpenSSL.crypto import X509

OFF, PASSTHROUGH, OPTIONAL, REQUIRED = "off", "passthrough", "optional", "required"
ANSWER = b"HTTP/1.1 200 OK\r\nX-Lab-Client: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED


@dataclass(frozen=True)
class Door:
    """Who is let in at a place."""

    mode: str = OFF
    anchors: Tuple[x509.Certificate, ...] = ()
    lists: Tuple[x509.CertificateRevocationList, ...] = ()
    late: bool = False  # whether an expired certificate is let in
    names: bool = False  # whether the names of the anchors are sent

    def judge(self, _connection: Any, certificate: Any, error: int, depth: int, fine: int) -> bool:
        """OpenSSL's question about one certificate of the client's chain."""
        if self.mode == PASSTHROUGH:
            return True
        if not fine and not (self.late and depth == 0 and error == EXPIRED):
            return False
        return depth > 0 or not self._revoked(certificate.to_cryptography())

    def _revoked(self, leaf: x509.Certificate) -> bool:
        """Whether a list of its issuer names it; an issuer without a list revokes nothing."""
        own = [one for one in self.lists if one.issuer == leaf.issuer]
        return any(one.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None for one in own)


def door_of(place: str, account: str, region: str) -> Door:
    """What the emulator says now of the place, which is written as aws_front.py takes it."""
    kind, _slash, name = place.split(":", 5)[5].partition("/")
    if kind == "listener":
        return _of_listener(place, account, region)
    if kind == "distribution":
        config = cloudfront_backends[account]["aws"].distributions[name].distribution_config
        return _of_distribution(getattr(config, "ViewerMtlsConfig", None))
    if kind == "rest":
        return _of_domain(account, getattr(apigateway_backends[account][region].domain_names[name], "mutual", None))
    if kind == "http":
        return _of_domain(account, apigatewayv2_backends[account][region].domain_names[name].mutual_tls_authentication)
    return Door()


def _of_listener(arn: str, account: str, region: str) -> Door:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html."""
    backend = elbv2_backends[account][region]
    listener = next(one for balancer in backend.load_balancers.values() for name, one in balancer.listeners.items() if name == arn)
    mutual: Mapping[str, Any] = getattr(listener, "mutual", None) or {}
    if mutual.get("Mode", OFF) != "verify":
        return Door(mutual.get("Mode", OFF))
    store = backend.__dict__["trust_stores"][mutual["TrustStoreArn"]]
    lists = [x509.load_pem_x509_crl(one) if LABEL in one else x509.load_der_x509_crl(one) for one, _count in store.lists.values()]
    anchors, names = tuple(x509.load_pem_x509_certificates(store.bundle)), mutual.get("AdvertiseTrustStoreCaNames") == "on"
    return Door(REQUIRED, anchors, tuple(lists), _said(mutual.get("IgnoreClientCertificateExpiry")), names)


def _of_distribution(mutual: Any) -> Door:
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/configuring-additional-settings.html."""
    if not mutual:
        return Door()
    store = mutual["TrustStoreConfig"]
    anchors = tuple(x509.load_pem_x509_certificates(GIVEN[f"cloudfront-{store['TrustStoreId']}"]))
    late, names = _said(store.get("IgnoreCertificateExpiry")), _said(store.get("AdvertiseTrustStoreCaNames"))
    return Door(mutual["Mode"], anchors, (), late, names)


def _of_domain(account: str, mutual: Any) -> Door:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html; a bundle without a version is read anew."""
    if not mutual:
        return Door()
    bucket, _slash, key = mutual["truststoreUri"].partition("s3://")[2].partition("/")
    data = object_of(account, bucket, key, mutual.get("truststoreVersion"))
    return Door(REQUIRED, tuple(x509.load_pem_x509_certificates(data or b"")))


def _said(value: Any) -> bool:
    """Whether the emulator keeps it as yes, in whatever way it came."""
    return str(value).lower() == "true"


def context_of(pem: bytes, door: Door) -> SSL.Context:
    """What serves this certificate (its key before it) to those who are let in."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_privatekey(serialization.load_pem_private_key(pem, None))  # type: ignore[arg-type]
    leaf, *chain = x509.load_pem_x509_certificates(pem)
    context.use_certificate(leaf)
    for one in chain:
        context.add_extra_chain_cert(one)
    for anchor in map(X509.from_cryptography, door.anchors):
        context.get_cert_store().add_cert(anchor)  # type: ignore[union-attr]
        if door.names:
            context.add_client_ca(anchor)
    needed = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if door.mode == REQUIRED else 0
    context.set_verify(SSL.VERIFY_PEER | needed, door.judge)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    return context


def admit(connection: socket.socket, door: Door, pems: Sequence[bytes], choose: Callable[[str], int], seconds: float) -> None:
    """Serve one connection; `choose` says which of the certificates is for a name."""
    limit = struct.pack("ll", int(seconds), 0)
    connection.settimeout(None)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, limit)
    first, *others = [context_of(pem, door) for pem in pems]

    def named(tls: SSL.Connection) -> None:
        tls.set_context([first, *others][choose((tls.get_servername() or b"").decode("ascii", "replace"))])

    first.set_tlsext_servername_callback(named)
    tls = SSL.Connection(first, connection)
    tls.set_accept_state()
    tls.do_handshake()
    if tls.recv(4096):
        client = tls.get_peer_certificate(as_cryptography=True)
        seen = client.fingerprint(hashes.SHA256()).hex() if client else "-"
        tls.sendall(ANSWER % seen.encode())
    tls.shutdown()
