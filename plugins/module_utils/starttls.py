# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said in clear before a TLS handshake; each protocol is a file in `starttls_kinds`.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import socket
from typing import Tuple

from .errors import ConfigError, UnavailableError
from .starttls_kinds import _index
from .starttls_kinds._wire import Wire

NONE = "none"
KINDS: Tuple[str, ...] = (NONE, *_index.NAMES)
TLS_PORT = 443


def negotiate(sock: socket.socket, kind: str, name: str = "") -> None:
    """Bring a connected socket to where the TLS handshake starts, or raise ClmError; `name` is the one that is asked for.

    The socket's time-out bounds the whole negotiation, not each operation; it is the same afterwards.
    """
    if kind not in KINDS:
        raise ConfigError(f"{kind!r} is not known", hint="one of: " + ", ".join(KINDS), field="starttls")
    if kind == NONE:
        return
    seconds = sock.gettimeout()
    try:
        _index.protocol(kind).start(Wire(sock, seconds), name)
    except socket.timeout as error:
        raise UnavailableError(f"no answer to the {kind} request for TLS in time") from error
    except OSError as error:
        raise UnavailableError(f"the connection broke during the {kind} request for TLS: {error}") from error
    finally:
        sock.settimeout(seconds)


def port_of(kind: str) -> int:
    """The port where the protocol is spoken by default."""
    return TLS_PORT if kind == NONE else _index.protocol(kind).PORT


def openssl_words(kind: str, name: str) -> Tuple[str, ...]:
    """The words that make `openssl s_client` speak it; `name` has been checked to be a host name, or is empty."""
    return () if kind == NONE else _index.protocol(kind).openssl(name)
