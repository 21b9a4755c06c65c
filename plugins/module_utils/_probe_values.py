# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What probing takes and gives: an endpoint, and what one connection to one of its addresses showed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from .errors import ConfigError
from .starttls import KINDS

ANSWERED = "answered"
REFUSED = "refused"
COULD_NOT_LOOK = "could_not_look"
MAX_ADDRESSES = 32

ENDPOINT_OPTIONS: Dict[str, Dict[str, Any]] = {  # as an argument spec; `Endpoint.from_dict` takes the same
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 443},
    "server_name": {"type": "str", "default": ""},
    "starttls": {"type": "str", "default": "none"},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "slot": {"type": "str", "choices": ["default", "rsa", "ecdsa"], "default": "default"},
}
SLOTS: Tuple[str, ...] = ("default", "rsa", "ecdsa")


def is_address(text: str) -> bool:
    """True for an IPv4 or IPv6 address, with or without an IPv6 zone."""
    try:
        ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Endpoint:
    """A place to connect to. `server_name` empty: `host`, if that is a name; `addresses` empty: every address of `host`.

    `slot` rsa or ecdsa is a client that takes only that signature, and so sees one of two certificates side by side.
    """

    host: str
    port: int
    server_name: str = ""
    starttls: str = "none"
    addresses: Tuple[str, ...] = ()
    slot: str = "default"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], field: str = "endpoint") -> Endpoint:
        """An endpoint from a manifest's or a user's mapping; ConfigError names the wrong field."""
        if not isinstance(data, Mapping):
            raise ConfigError("a mapping with host and port is needed", field=field)
        unknown = sorted(str(name) for name in set(data) - set(ENDPOINT_OPTIONS))
        if unknown:
            raise ConfigError(f"unknown field {unknown[0]!r}", field=field)
        host, starttls = str(data.get("host") or ""), str(data.get("starttls") or "none")
        if not host:
            raise ConfigError("host is missing", field=field)
        if starttls not in KINDS:
            raise ConfigError(f"{starttls!r} is not known", hint="one of: " + ", ".join(KINDS), field=f"{field}.starttls")
        addresses = tuple(str(address) for address in data.get("addresses") or ())
        for address in addresses:
            if not is_address(address):
                raise ConfigError(f"{address!r} is not an IP address", field=f"{field}.addresses")
        slot = str(data.get("slot") or "default")
        if slot not in SLOTS:
            raise ConfigError(f"{slot!r} is not known", hint="one of: " + ", ".join(SLOTS), field=f"{field}.slot")
        return cls(host, _port(data.get("port", 443), f"{field}.port"), str(data.get("server_name") or ""), starttls, addresses, slot)

    @property
    def name(self) -> str:
        """What a client would expect in the certificate: `server_name`, else `host`."""
        return self.server_name or self.host

    @property
    def label(self) -> str:
        """`host:port`, with the server name where it differs and the slot: for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        name = f" ({self.server_name})" if self.server_name not in ("", self.host) else ""
        return f"{host}:{self.port}{name}" + (f" for {self.slot.upper()}" if self.slot != "default" else "")

    @property
    def key(self) -> str:
        """`host|port|server_name|starttls`, and `|slot` where it has one: what the observations file calls it."""
        return f"{self.host}|{self.port}|{self.server_name}|{self.starttls}" + (f"|{self.slot}" if self.slot != "default" else "")

    def as_dict(self) -> Dict[str, Any]:
        """The endpoint as plain data, as `from_dict` takes it."""
        return {
            "host": self.host,
            "port": self.port,
            "server_name": self.server_name,
            "starttls": self.starttls,
            "addresses": list(self.addresses),
            **({"slot": self.slot} if self.slot != "default" else {}),
        }


def _port(value: Any, field: str) -> int:
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = 0
    if not 0 < port < 65536:
        raise ConfigError(f"{value!r} is not a port (1-65535)", field=field)
    return port


@dataclass(frozen=True)
class Observation:
    """What one connection to one address showed.

    `answer` is answered (a handshake showed a certificate), refused (a TLS server answered and would not show one) or
    could_not_look (nothing can be said about what is served). `chain_der` is as served, leaf first, at most 16;
    `sent` is how many there were. `sha256` is the leaf's, empty when there is none. `error` is one sentence.
    """

    endpoint: Endpoint
    address: str
    answer: str
    chain_der: Tuple[bytes, ...] = ()
    sent: int = 0
    sha256: str = ""
    protocol: str = ""
    cipher: str = ""
    group: str = ""
    error: str = ""
    milliseconds: int = 0

    @property
    def place(self) -> str:
        """The endpoint's label and the address: for messages."""
        return self.endpoint.label if self.address in ("", self.endpoint.host) else f"{self.endpoint.label} at {self.address}"
