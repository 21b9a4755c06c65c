# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at each address of each endpoint, many at once, results in order."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Sequence, Tuple

from ._probe_address import Address, Lookup, resolve
from ._probe_handshake import Client, RefusedError, Served, make_client, shake_hands
from ._probe_values import ANSWERED, COULD_NOT_LOOK, REFUSED, Endpoint, Observation
from .errors import ClmError, UnavailableError
from .starttls import negotiate
from .x509.pem import sha256

DEFAULT_TIMEOUT = 5.0
DEFAULT_CONCURRENCY = 64
MAX_CONCURRENCY = 512


def _connect(address: Address, timeout: float) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(address.sockaddr)
    except OSError as error:
        sock.close()
        why = f" within {timeout:g} seconds" if isinstance(error, socket.timeout) else f": {error.strerror or error}"
        raise UnavailableError(f"no connection{why}", hint="is the service running, and does a firewall let the controller in?") from error
    return sock


def _shake(endpoint: Endpoint, address: Address, client: Client, timeout: float) -> Served:
    with _connect(address, timeout) as sock:
        try:
            negotiate(sock, endpoint.starttls, endpoint.name)
            return shake_hands(sock, client, endpoint.name, timeout)
        except socket.timeout as error:
            raise UnavailableError(f"the TLS handshake was not finished within {timeout:g} seconds") from error
        except OSError as error:
            raise UnavailableError(f"the connection broke during the TLS handshake: {error.strerror or error}") from error


def _look(endpoint: Endpoint, address: Address, client: Client, timeout: float) -> Observation:
    started = time.monotonic()
    try:
        served = _shake(endpoint, address, client, timeout)
    except ClmError as error:
        answer = REFUSED if isinstance(error, RefusedError) else COULD_NOT_LOOK
        return Observation(endpoint, address.text, answer, error=str(error), milliseconds=_since(started))
    return Observation(
        endpoint,
        address.text,
        ANSWERED,
        chain_der=served.chain_der,
        sent=served.sent,
        sha256=sha256(served.chain_der[0]),
        protocol=served.protocol,
        cipher=served.cipher,
        group=served.group,
        milliseconds=_since(started),
    )


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _blind(endpoint: Endpoint, error: ClmError) -> Observation:
    return Observation(endpoint, "", COULD_NOT_LOOK, error=str(error))


def _resolve_once(pool: ThreadPoolExecutor, endpoints: Sequence[Endpoint], timeout: float) -> List[Lookup]:
    """Every name is asked for once, however many endpoints share it."""
    keys = [(endpoint.host, endpoint.port, endpoint.addresses) for endpoint in endpoints]
    distinct: Dict[Tuple[Any, ...], Endpoint] = dict(zip(keys, endpoints))
    found = dict(zip(distinct, pool.map(lambda one: resolve(one, timeout), distinct.values())))
    return [found[key] for key in keys]


def probe_many(
    endpoints: Sequence[Endpoint], *, concurrency: int = DEFAULT_CONCURRENCY, timeout: float = DEFAULT_TIMEOUT
) -> List[List[Observation]]:
    """One list of observations for each endpoint, in order, one observation for each of its addresses, never an empty list.

    `timeout` in seconds bounds resolving, connecting, STARTTLS and the handshake each. Raises only MissingLibraryError.
    """
    plain = make_client()
    clients = {one: plain if one == "default" else make_client(one, plain.turn) for one in {endpoint.slot for endpoint in endpoints}}
    with ThreadPoolExecutor(max_workers=min(max(1, concurrency), MAX_CONCURRENCY)) as pool:
        lookups = _resolve_once(pool, endpoints, timeout)
        pending = []
        for endpoint, found in zip(endpoints, lookups):
            if isinstance(found, UnavailableError):
                pending.append([pool.submit(_blind, endpoint, found)])
            else:
                pending.append([pool.submit(_look, endpoint, address, clients[endpoint.slot], timeout) for address in found])
        return [[one.result() for one in row] for row in pending]


def probe(endpoint: Endpoint, *, timeout: float = DEFAULT_TIMEOUT) -> List[Observation]:
    """What each address of one endpoint shows; never an empty list."""
    return probe_many([endpoint], concurrency=8, timeout=timeout)[0]
