# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every address of a name, in bounded time. Standard library only."""

from __future__ import annotations

import queue
import socket
import threading
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple, Union

from ._probe_values import MAX_ADDRESSES, Endpoint, is_address
from .errors import UnavailableError

Lookup = Union[List["Address"], UnavailableError]


@dataclass(frozen=True)
class Address:
    """One address to connect to: `text` is for people, `sockaddr` for `connect`."""

    text: str
    family: int
    sockaddr: Tuple[Any, ...]


def _look_up(host: str, port: int) -> Lookup:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        return UnavailableError(f"{host!r} has no address: {error}", hint="check the name, or name the addresses")
    found: Dict[str, Address] = {}
    for family, _type, _proto, _name, sockaddr in rows:
        if family in (socket.AF_INET, socket.AF_INET6):
            found.setdefault(str(sockaddr[0]), Address(str(sockaddr[0]), family, tuple(sockaddr)))
    return list(found.values())[:MAX_ADDRESSES]


def _look_up_within(host: str, port: int, timeout: float) -> Lookup:
    """The resolver has no time-out of its own: a daemon thread asks it, and is left behind when it takes too long."""
    answers: queue.SimpleQueue[Lookup] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_look_up(host, port)), daemon=True).start()
    try:
        return answers.get(timeout=timeout)
    except queue.Empty:
        return UnavailableError(f"the name {host!r} was not resolved within {timeout:g} seconds", hint="check DNS, or name the addresses")


def _resolve_all(hosts: Sequence[str], port: int, timeout: float) -> Lookup:
    found: List[Address] = []
    for host in hosts:
        rows = _look_up(host, port) if is_address(host) else _look_up_within(host, port, timeout)
        if isinstance(rows, UnavailableError):
            return rows
        found += rows
    return found


def resolve(endpoint: Endpoint, timeout: float) -> Lookup:
    """The addresses to probe, at least one and at most 32, or the error: as a value, so that no neighbour is lost."""
    rows = _resolve_all(endpoint.addresses or (endpoint.host,), endpoint.port, timeout)
    if rows:
        return rows
    return UnavailableError(f"{endpoint.host!r} has no IPv4 or IPv6 address")
