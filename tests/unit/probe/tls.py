# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small CAs and real TLS servers on loopback for the tests of looking; nothing here outlives its `with`."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import socket
import ssl
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
Days = Tuple[float, float]  # of the validity, from now
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)


def _usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)


class Signed:
    """A certificate with its key, and what signed it."""

    def __init__(self, name: str, issuer: Optional[Signed] = None, *, names: Sequence[str] = (), days: Days = (-1, 30)) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuer = issuer
        signer = issuer or self
        ca = not names
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(self.subject).issuer_name(signer.subject).public_key(self.key.public_key())
        builder = builder.not_valid_before(NOW + days[0] * DAY).not_valid_after(NOW + days[1] * DAY)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.add_extension(x509.BasicConstraints(ca, None), True).add_extension(_usage(ca), True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    @property
    def chain(self) -> bytes:
        """Leaf, then intermediates, without the root."""
        above = self.issuer
        return self.pem + (above.chain if above is not None and above.issuer is not None else b"")


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Pki:
    """A root, an intermediate, and leaves from it."""

    def __init__(self, name: str = "clm") -> None:
        self.root = Signed(f"{name} root")
        self.intermediate = Signed(f"{name} intermediate", self.root)

    def leaf(self, *names: str, days: Days = (-1, 30)) -> Signed:
        return Signed(names[0], self.intermediate, names=names, days=days)


def server_context(key_pem: bytes, chain_pem: bytes) -> ssl.SSLContext:
    """A server context that sends exactly these certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "both.pem")
        path.write_bytes(key_pem + chain_pem)
        context.load_cert_chain(path)
    return context


@contextmanager
def serving(talk: Callable[[socket.socket], None], address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A server that hands each connection to `talk` in a thread; gives its port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=64)
    open_sockets: List[socket.socket] = []

    def one(sock: socket.socket) -> None:
        with sock:
            try:
                talk(sock)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                sock, _peer = listener.accept()
            except OSError:
                return
            open_sockets.append(sock)
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in open_sockets:
            sock.close()


def tls(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    """A talk: shake hands, wait for the client's goodbye."""

    def talk(sock: socket.socket) -> None:
        sock.settimeout(10)
        with context.wrap_socket(sock, server_side=True) as wrapped:
            wrapped.recv(1)

    return talk


def serving_leaf(leaf: Signed, chain: Optional[bytes] = None, address: str = "127.0.0.1", port: int = 0):  # type: ignore[no-untyped-def]
    """A server for a leaf, by default with its full chain."""
    return serving(tls(server_context(leaf.key_pem, leaf.chain if chain is None else chain)), address, port)
