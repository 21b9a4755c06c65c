# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See from the server itself everything that an address serves, for a controller that does not reach it.

Python shows more than the leaf from 3.13 on; below that the host's `openssl s_client` does. Nothing is judged here.
Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import ipaddress
import platform
import re
import time
from dataclasses import dataclass
from typing import Callable, List, Tuple

from .. import commands
from ..errors import ClmError
from ..starttls import openssl_words
from ..x509 import pem
from ._server_proof import CIPHERS, LOOK_SECONDS, Spot, look, sni_of

MAX_CERTIFICATES = 16
MAX_OUTPUT = 1024 * 1024  # OpenSSL takes no more than 100 KiB of certificates from a server
NO_ANCHORS = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null"}  # to read the system's takes longer than to look
INSTALL = "install the openssl command there, or Python 3.13 or newer"
_LDH = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\Z")
_CHAIN, _END = b"\nCertificate chain\n", b"\n---\n"


@dataclass(frozen=True)
class Shown:
    """What one address showed: at most 16 of the `sent` certificates, leaf first; none, and `detail` says why.

    `sha256` and `leaf_der` are the leaf's, also where only the leaf could be seen.
    """

    chain_der: Tuple[bytes, ...] = ()
    sent: int = 0
    sha256: str = ""
    detail: str = ""
    leaf_der: bytes = b""

    @property
    def seen_pem(self) -> List[str]:
        """Everything that was seen: the chain, or the leaf alone."""
        return [pem.encode(pem.CERTIFICATE, der) for der in self.chain_der or (self.leaf_der,) if der]


@dataclass(frozen=True)
class Patience:
    """How long to wait for the wanted leaf, and then to go on looking (`soak`), both in seconds."""

    timeout: float = 0.0
    soak: float = 0.0
    interval: float = 1.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


Chainer = Callable[[], Shown]


def look_at_chain(spot: Spot, slot: str, openssl: str, timeout: float = LOOK_SECONDS) -> Shown:
    """One look; never raises for what the other side, or openssl, does."""
    seen = look(spot, slot, timeout)
    if not seen.sha256:
        return Shown(detail=seen.detail)
    if seen.chain:
        return _shown(seen.chain)
    try:
        return _shown(chain_by_openssl(spot, slot, openssl, timeout))
    except ClmError as error:
        python = platform.python_version()
        detail = f"only the leaf can be seen, Python {python} shows no more and {error.message}; {INSTALL}"
        return Shown(sha256=seen.sha256, detail=detail, leaf_der=seen.der)


def _shown(chain: Tuple[bytes, ...]) -> Shown:
    return Shown(chain[:MAX_CERTIFICATES], len(chain), pem.sha256(chain[0]), leaf_der=chain[0])


def watch(wanted: str, chainer: Chainer, patience: Patience) -> Shown:
    """The look that says most: the first good one, unless one of the soak showed something else.

    Good is the leaf `wanted` with the rest of its chain (empty: any). A look that could not be made is tried again, in the soak too.
    """
    deadline = patience.now() + patience.timeout
    shown = chainer()
    while not _good(shown, wanted) and patience.now() < deadline:
        patience.sleep(patience.interval)
        shown = chainer()
    end = patience.now() + patience.soak
    first = last = shown
    while _good(first, wanted) and patience.now() < end:
        patience.sleep(patience.interval)
        last = chainer()
        if last.chain_der and last.chain_der != first.chain_der:
            return last
    return last


def _good(shown: Shown, wanted: str) -> bool:
    return bool(shown.chain_der) and wanted in ("", shown.sha256)


def chain_by_openssl(spot: Spot, slot: str, openssl: str, timeout: float) -> Tuple[bytes, ...]:
    """What `openssl s_client` was served, in its order and never empty; ClmError when it cannot tell."""
    done = commands.head(client_argv(spot, slot, openssl), timeout, MAX_OUTPUT, NO_ANCHORS)
    return chain_in(done.output)


def client_argv(spot: Spot, slot: str, openssl: str) -> List[str]:
    """The words of the command; ClmError for what must not stand in them, or what openssl has no word for."""
    try:
        address = ipaddress.ip_address(spot.address.split("%")[0])
    except ValueError:
        raise ClmError(f"{spot.address[:100]!r} is not an address") from None
    place = f"[{address}]" if address.version == 6 else str(address)
    argv = [openssl, "s_client", "-connect", f"{place}:{int(spot.endpoint.port)}", "-showcerts"]
    argv += ["-cipher", CIPHERS.get(slot, CIPHERS["default"]), *(["-tls1_2"] if slot in ("rsa", "ecdsa") else [])]
    name = sni_of(spot.endpoint)
    if name is not None:
        name = name.rstrip(".")
        if not _LDH.match(name):
            raise ClmError(f"{name[:100]!r} is no host name in ASCII that openssl could ask for")
        argv += ["-servername", name]
    return [*argv, *openssl_words(spot.endpoint.starttls, name or "")]


def chain_in(output: bytes) -> Tuple[bytes, ...]:
    """The certificates of the section `Certificate chain`, and of no other; ClmError when it is not there whole.

    What a server sends after its handshake may look the same, and stands behind it. No message repeats what was printed.
    """
    text = output.replace(b"\r\n", b"\n")
    begin = text.find(_CHAIN)
    if begin < 0:
        raise ClmError("the openssl command showed no certificates")
    end = text.find(_END, begin)
    if end < 0:
        raise ClmError("what the openssl command showed is cut")
    try:
        return tuple(block.der for block in pem.split(text[begin : end + 1]))
    except ClmError:
        raise ClmError("what the openssl command showed cannot be read") from None
