# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS-01 (RFC 8555 section 8.4) by dynamic updates (RFC 2136) that TSIG signs.

CNAME records are followed first, so a zone may delegate its challenges to another one. The CA is told only when every
authoritative server of the zone answers with the value.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..contracts import Challenge, Challenger, Clock
from ..errors import ClmError, ConfigError, UnavailableError
from ..passphrase import secret_of_file
from ._dns import Record, Records, Resolver, dns, require_dns, split_address

NAME = "dns_01_rfc2136"
OPTIONS: Dict[str, Any] = {
    "server": {"type": "str", "required": True},
    "tsig_name": {"type": "str", "required": True},
    "tsig_key_file": {"type": "path", "required": True, "no_log": False},
    "tsig_algorithm": {"type": "str", "choices": ["hmac-sha256", "hmac-sha384", "hmac-sha512"], "default": "hmac-sha256"},
    "zone": {"type": "str"},
    "ttl": {"type": "int", "default": 60},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "authoritative_port": {"type": "int", "default": 53},
    "propagation_timeout": {"type": "int", "default": 120},
}
KIND = "dns-01"
TIMEOUT, LOOK_AGAIN = 10.0, 0.5  # seconds
TOGETHER = 50  # records in one update


def create(options: Mapping[str, Any], clock: Clock) -> Challenger:
    """Updates of the zones that the server is primary for; nothing is asked before it is used."""
    return Rfc2136(options)


@dataclass
class _Record(Record):
    """It and who answers for its zone."""

    zone: Any = None
    servers: List[str] = field(default_factory=list)


class Rfc2136:
    """A Challenger by TXT records."""

    kind = KIND

    def __init__(self, options: Mapping[str, Any], sleep: Callable[[float], None] = time.sleep) -> None:
        self._options = options
        self._sleep = sleep
        self._server = split_address(str(options["server"]), 53)
        self._resolver: Optional[Resolver] = None
        self._records = Records(_Record)

    def publish(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """Every authoritative server of the zones has the records."""
        records = self._records.begun(challenges)
        for record in records:
            record.tried(self._place)
        self._change([one for one in records if one.problem is None], add=True)
        self._await([one for one in records if one.problem is None])
        return [one.problem for one in records]

    def withdraw(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """The values are gone from the zone, and others of the same name stay."""
        return self._records.withdrawn(challenges, self._place, lambda one: bool(one.servers), lambda some: self._change(some, add=False))

    def _place(self, record: _Record) -> None:
        """Where the record belongs, CNAMEs followed, and who answers for it."""
        require_dns()
        if self._resolver is None:
            self._resolver = Resolver(list(self._options.get("resolvers") or ()))
        record.name = self._resolver.canonical(f"_acme-challenge.{record.challenge.name}.")
        given = self._options.get("zone")
        record.zone = dns.name.from_text(str(given)) if given else self._resolver.zone(record.name)
        if not record.name.is_subdomain(record.zone):
            raise ConfigError(f"{record.name} is not in the zone {record.zone}", field="issuer.challenge.zone")
        record.servers = self._resolver.authoritative(record.zone)

    def _change(self, records: Sequence[_Record], add: bool) -> None:
        """Add or delete them, zone by zone; where an update of many is refused, each is tried alone."""
        zones: Dict[Any, List[_Record]] = {}
        for record in records:
            zones.setdefault(record.zone, []).append(record)
        for zone, own in zones.items():
            for start in range(0, len(own), TOGETHER):
                part = own[start : start + TOGETHER]
                problem = self._update(zone, part, add)
                for record in part if problem is not None else ():
                    record.problem = self._update(zone, [record], add) if len(part) > 1 else problem

    def _update(self, zone: Any, records: Sequence[_Record], add: bool) -> Optional[ClmError]:
        where = f"{self._server[0]} port {self._server[1]}"
        try:
            key = dns.tsig.Key(str(self._options["tsig_name"]), self._secret(), str(self._options["tsig_algorithm"]))
            update = dns.update.UpdateMessage(zone, keyring=key)
            for record in records:
                if add:
                    update.add(record.name, int(self._options["ttl"]), "TXT", record.value)
                else:
                    update.delete(record.name, "TXT", record.value)
            code = dns.query.tcp(update, self._server[0], timeout=TIMEOUT, port=self._server[1]).rcode()
        except ClmError as error:
            return error
        except (OSError, dns.exception.DNSException, ValueError) as error:
            return UnavailableError(f"the name server {where} did not take the update: {type(error).__name__}: {str(error)[:200]}")
        if code == dns.rcode.NOERROR:
            return None
        hint = "look at the update policy of the zone, and at name and algorithm of the key"
        return ConfigError(f"the name server {where} refuses the update of {zone}: {dns.rcode.to_text(code)}", hint=hint)

    def _secret(self) -> bytes:
        secret = secret_of_file(str(self._options["tsig_key_file"]), "issuer.challenge.tsig_key_file")
        try:
            return base64.b64decode(secret.reveal(), validate=True)
        except ValueError:
            raise ConfigError("it is not the base64 text of a TSIG key", field="issuer.challenge.tsig_key_file") from None

    def _await(self, records: Sequence[_Record]) -> None:
        """Until every authoritative server answers with every value, or for as long as `propagation_timeout` says."""
        missing = {id(one): (one, list(one.servers)) for one in records}
        deadline = time.monotonic() + float(self._options["propagation_timeout"])
        while missing:
            for number, (record, servers) in list(missing.items()):
                servers[:] = [server for server in servers if not self._has(server, record)]
                if not servers:
                    del missing[number]
            if missing and time.monotonic() > deadline:
                break
            if missing:
                self._sleep(LOOK_AGAIN)
        for record, servers in missing.values():
            seconds = self._options["propagation_timeout"]
            said = f"{record.name} has not its TXT record after {seconds} seconds at {', '.join(servers)}"
            record.problem = ClmError(said, hint="look why these servers do not follow the primary, or raise propagation_timeout")

    def _has(self, server: str, record: _Record) -> bool:
        values = Resolver.texts(server, int(self._options["authoritative_port"]), record.name)
        return record.value in (values or ())
