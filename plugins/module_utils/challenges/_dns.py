# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to name servers, by `dnspython`: where a name leads, which zone has it, and who answers for the zone."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Callable, Dict, Generic, List, Optional, Sequence, Tuple, TypeVar

from ..contracts import Challenge
from ..errors import ClmError, ConfigError, MissingLibraryError, UnavailableError

try:
    import dns.exception
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.resolver
    import dns.tsig
    import dns.update

    HAS_DNS = True
except ImportError:
    dns = None  # type: ignore
    HAS_DNS = False

__all__ = ("HAS_DNS", "Record", "Records", "Resolver", "dns", "require_dns", "split_address")

TIMEOUT, HOPS = 5.0, 8


def require_dns() -> None:
    """Return when `dnspython` is there; else MissingLibraryError with the package to install."""
    if not HAS_DNS:
        raise MissingLibraryError("the Python package dnspython is not installed where this runs", hint="pip install 'dnspython>=2.6.1'")


def split_address(text: str, port: int) -> Tuple[str, int]:
    """`192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353` as address and port."""
    host, separator, number = text.rpartition(":")
    if text.startswith("[") and host.endswith("]"):
        return host[1:-1], int(number)
    if separator and ":" not in host and number.isdecimal():
        return host, int(number)
    return text.strip("[]"), port


@dataclass
class Record:
    """One TXT record: `problem` is why it is not there."""

    challenge: Challenge
    name: Any = None
    problem: Optional[ClmError] = None

    @property
    def value(self) -> str:
        """What it holds (RFC 8555 section 8.4)."""
        digest = hashlib.sha256(self.challenge.key_authorization.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    def tried(self, act: Callable[[Any], None]) -> None:
        """Do this with it; what speaks against it is its problem from then on."""
        try:
            act(self)
        except ClmError as error:
            self.problem = error
        except dns.exception.DNSException as error:
            self.problem = ConfigError(f"{self.challenge.name[:253]!r} is no name of the DNS: {error}")


One = TypeVar("One", bound=Record)


class Records(Generic[One]):
    """What a run was to add, until it is taken away."""

    def __init__(self, make: Callable[[Challenge], One]) -> None:
        self._make = make
        self._kept: Dict[str, One] = {}  # by key authorization

    def begun(self, challenges: Sequence[Challenge]) -> List[One]:
        """A record for each challenge, none of which has a place yet."""
        records = [self._make(one) for one in challenges]
        self._kept.update({one.challenge.key_authorization: one for one in records})
        return records

    def withdrawn(
        self,
        challenges: Sequence[Challenge],
        place: Callable[[One], None],
        placed: Callable[[One], bool],
        remove: Callable[[List[One]], object],
    ) -> List[Optional[ClmError]]:
        """Why each could not be removed, None for all others.

        Nothing is removed where this run found no place for it. A run that was killed added it where this one would have.
        """
        found: List[Optional[One]] = []
        for challenge in challenges:
            record = self._kept.pop(challenge.key_authorization, None)
            if record is None:
                record = self._make(challenge)
                record.tried(place)
            else:
                record.problem = None
                record = record if placed(record) else None
            found.append(record)
        remove([one for one in found if one is not None and one.problem is None])
        return [one.problem if one is not None else None for one in found]


class Resolver:
    """Asks the resolvers that were given, else those of this machine."""

    def __init__(self, resolvers: Sequence[str]) -> None:
        self._resolver: Any = dns.resolver.Resolver(configure=not resolvers)
        self._resolver.lifetime = 2 * TIMEOUT
        if resolvers:
            places = [split_address(one, 53) for one in resolvers]
            self._resolver.nameservers = [address for address, _port in places]
            self._resolver.nameserver_ports = dict(places)

    def canonical(self, name: str) -> Any:
        """The name that its CNAME records lead to, itself where it has none."""
        found = dns.name.from_text(name)
        for _hop in range(HOPS):
            try:
                answer = self._resolver.resolve(found, "CNAME", raise_on_no_answer=False)
            except dns.resolver.NXDOMAIN:
                return found
            except dns.exception.DNSException as error:
                raise _silent(found, error) from None
            if answer.rrset is None:
                return found
            found = answer.rrset[0].target
        raise ConfigError(f"the CNAME records of {name} lead on for more than {HOPS} steps")

    def zone(self, name: Any) -> Any:
        """The zone that holds the name."""
        try:
            return dns.resolver.zone_for_name(name, resolver=self._resolver)
        except dns.exception.DNSException as error:
            raise _silent(name, error) from None

    def authoritative(self, zone: Any) -> List[str]:
        """The addresses of all its name servers."""
        try:
            names = [one.target for one in self._resolver.resolve(zone, "NS")]
            found = [str(address) for name in names for address in self._resolver.resolve_name(name).addresses()]
        except dns.exception.DNSException as error:
            raise _silent(zone, error) from None
        if not found:
            raise ClmError(f"no name server of {zone} has an address")
        return sorted(set(found))

    @staticmethod
    def texts(server: str, port: int, name: Any) -> Optional[List[str]]:
        """The TXT values that this server has for the name; None where it does not answer."""
        query = dns.message.make_query(name, "TXT")
        try:
            answer, _tcp = dns.query.udp_with_fallback(query, server, timeout=TIMEOUT, port=port)
        except (OSError, dns.exception.DNSException):
            return None
        rows = [row for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT for row in rrset]
        return [b"".join(row.strings).decode("ascii", "replace") for row in rows]


def _silent(name: Any, error: Exception) -> UnavailableError:
    return UnavailableError(f"the resolvers do not answer for {name}: {type(error).__name__}: {str(error)[:200]}")
