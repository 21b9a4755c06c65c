# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look with new connections whether a certificate is served: the leaf's SHA-256, on every address, several times in a row.

Standard library only: this file travels to managed hosts. Chain, names and path are the controller's to judge.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, FrozenSet, List, Optional, Sequence, Tuple

from .. import starttls
from ..contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Proof
from ..errors import ClmError
from ..x509 import pem
from ._server_where import Endpoint

MAX_ADDRESSES = 16
LOOK_SECONDS = 5.0
CIPHERS = {"default": "ALL:@SECLEVEL=0", "rsa": "aRSA:@SECLEVEL=0", "ecdsa": "aECDSA:@SECLEVEL=0"}


@dataclass(frozen=True)
class Look:
    """One connection: the leaf's SHA-256 and DER, or why there is none. `spoke`: the other side answered, without a certificate.

    `chain` is everything that was served, leaf first; empty below Python 3.13, whose `ssl` shows the leaf alone.
    """

    sha256: str = ""
    spoke: bool = False
    detail: str = ""
    der: bytes = b""
    chain: Tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Spot:
    """One address of one endpoint; `address` is empty when the host has none, and `detail` says why."""

    endpoint: Endpoint
    address: str
    detail: str = ""

    @property
    def name(self) -> str:
        """The spot in messages and records."""
        end = self.endpoint
        return (
            f"{end.host}:{end.port}"
            + (f" ({self.address})" if self.address != end.host else "")
            + (f" SNI {end.server_name}" if end.server_name else "")
        )


Looker = Callable[[Spot, str, float], Look]


@dataclass(frozen=True)
class Pace:
    """How long to look: `consecutive` good looks in a row within `timeout` seconds, `interval` seconds between them."""

    timeout: float = 30.0
    consecutive: int = 3
    interval: float = 0.2
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def spots_of(endpoints: Sequence[Endpoint]) -> List[Spot]:
    """Every address of every endpoint; a name that does not resolve is a spot that cannot be looked at."""
    spots: List[Spot] = []
    for endpoint in endpoints:
        addresses: Sequence[str] = endpoint.addresses
        detail = ""
        if not addresses:
            try:
                found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
            except (OSError, UnicodeError) as error:
                addresses, detail = [""], f"{endpoint.host} has no address here: {error}"
        spots += [Spot(endpoint, address, detail) for address in addresses[:MAX_ADDRESSES]]
    return spots


def _context(slot: str) -> ssl.SSLContext:
    """A context that trusts nothing and refuses nothing: this is about seeing, not about trusting.

    One of two certificates side by side is asked for by its signature, which only TLS 1.2's cipher names can say.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(CIPHERS.get(slot, CIPHERS["default"]))
    if slot in ("rsa", "ecdsa"):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def sni_of(endpoint: Endpoint) -> Optional[str]:
    """The name to ask for; None for an address, which is not asked for."""
    name = endpoint.server_name or endpoint.host
    try:
        ipaddress.ip_address(name)
        return None
    except ValueError:
        return name


def look(spot: Spot, slot: str = "default", timeout: float = LOOK_SECONDS) -> Look:
    """One new connection; never raises for what the other side does."""
    if not spot.address:
        return Look(detail=spot.detail)
    try:
        with socket.create_connection((spot.address, spot.endpoint.port), timeout=timeout) as connection:
            starttls.negotiate(connection, spot.endpoint.starttls, spot.endpoint.server_name or spot.endpoint.host)
            with _context(slot).wrap_socket(connection, server_hostname=sni_of(spot.endpoint)) as tls:
                der = tls.getpeercert(binary_form=True) or b""
                whole: Tuple[bytes, ...] = tuple(getattr(tls, "get_unverified_chain", tuple)())
                return Look(pem.sha256(der), der=der, chain=whole) if der else Look(spoke=True, detail="no certificate was shown")
    except socket.timeout:
        return Look(detail=f"no answer within {timeout:g} s")
    except (ConnectionError, ssl.SSLError) as error:
        return Look(spoke=True, detail=f"{error.strerror or error}")
    except (OSError, UnicodeError, ValueError) as error:
        return Look(detail=str(error))
    except ClmError as error:
        return Look(spoke=not isinstance(error.__cause__, socket.timeout), detail=error.message)


def answering(endpoints: Sequence[Endpoint], slot: str, looker: Looker = look) -> FrozenSet[str]:
    """The names of the spots that show a certificate now."""
    spots = spots_of(endpoints)
    with ThreadPoolExecutor(max_workers=max(1, len(spots))) as pool:
        looks = list(pool.map(lambda spot: looker(spot, slot, LOOK_SECONDS), spots))
    return frozenset(spot.name for spot, seen in zip(spots, looks) if seen.sha256)


def prove(endpoints: Sequence[Endpoint], sha256: str, *, slot: str, answered: FrozenSet[str], pace: Pace, looker: Looker = look) -> Proof:
    """Served when every spot shows it so often in a row; not served wins over could not look.

    A spot of `answered` that now refuses, resets or fails the handshake does not serve it any more; a time-out never says that.
    """
    spots = spots_of(endpoints)
    deadline = pace.now() + pace.timeout
    with ThreadPoolExecutor(max_workers=max(1, len(spots))) as pool:
        proofs = list(pool.map(lambda spot: _prove_spot(spot, sha256, slot, answered, pace, deadline, looker), spots))
    for answer in (NOT_SERVED, COULD_NOT_LOOK):
        bad = [proof for proof in proofs if proof.answer == answer]
        if bad:
            shown = next((proof.sha256 for proof in bad if proof.sha256), "")
            return Proof(answer, shown, "; ".join(proof.detail for proof in bad[:4]))
    return Proof(SERVED, sha256)


def _prove_spot(spot: Spot, sha256: str, slot: str, answered: FrozenSet[str], pace: Pace, deadline: float, looker: Looker) -> Proof:
    good, bad = 0, Look(detail="there was no time to look")
    while True:
        left = deadline - pace.now()
        if left <= 0:
            return _bad_proof(spot, bad, spot.name in answered)
        seen = looker(spot, slot, max(0.1, min(LOOK_SECONDS, left)))
        good, bad = (good + 1, bad) if seen.sha256 == sha256 else (0, seen)
        if good >= max(1, pace.consecutive):
            return Proof(SERVED, sha256)
        pace.sleep(pace.interval)


def _bad_proof(spot: Spot, seen: Look, answered_before: bool) -> Proof:
    if seen.sha256:
        return Proof(NOT_SERVED, seen.sha256, f"{spot.name} serves {seen.sha256}")
    if seen.spoke and answered_before:
        return Proof(NOT_SERVED, "", f"{spot.name} answered before and does not any more: {seen.detail}")
    return Proof(COULD_NOT_LOOK, "", f"{spot.name}: {seen.detail}")
