# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS-01 (RFC 8555 section 8.4) by TXT records in Amazon Route 53.

CNAME records are followed first, then the longest public hosted zone that holds the name is taken. Records of a zone go in as few
change batches as AWS allows; how a batch leaves the values of others alone is in `_route53_changes.py`. The CA is told when Route 53
says INSYNC, and no name server of the zone that answers is without the value.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from .. import aws
from ..contracts import Challenge, Challenger, Clock
from ..errors import ClmError, ConfigError
from ._dns import Record, Records, Resolver, require_dns
from ._route53_changes import Changes

NAME = "dns_01_route53"
OPTIONS: Dict[str, Any] = {
    **aws.ONE,
    "hosted_zone_id": {"type": "str"},
    "ttl": {"type": "int", "default": 60},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "authoritative_port": {"type": "int", "default": 53},
    "propagation_timeout": {"type": "int", "default": 180},
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "Without ``hosted_zone_id``": [
        {"Action": ["route53:GetChange", "route53:ListHostedZones"], "Resource": "*"},
        {"Action": ["route53:ListResourceRecordSets"], "Resource": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"},
        {
            "Action": ["route53:ChangeResourceRecordSets"],
            "Resource": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
            "Condition": {
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                },
                "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.*"]},
            },
        },
    ],
    "With ``hosted_zone_id``": [
        {"Action": ["route53:GetChange"], "Resource": "*"},
        {
            "Action": ["route53:GetHostedZone", "route53:ListResourceRecordSets"],
            "Resource": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
        },
        {
            "Action": ["route53:ChangeResourceRecordSets"],
            "Resource": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
            "Condition": {
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                },
                "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.*"]},
            },
        },
    ],
}
KIND = "dns-01"
REGION = "us-east-1"  # where the SDK signs for a service that is in no region
FIRST, LONGEST = 0.5, 5.0  # seconds between two looks; an account has five calls a second for everything it does in Route 53
WHOSE = "see whether this hosted zone is the one that the domain is delegated to, or name the right one by hosted_zone_id"


def create(options: Mapping[str, Any], clock: Clock) -> Challenger:
    """Records in the hosted zones of one account; nothing is asked before it is used."""
    return Route53(options)


@dataclass
class _Record(Record):
    """It and its hosted zone."""

    zone: Tuple[str, str] = ("", "")  # id and name

    @property
    def text(self) -> str:
        return str(self.name)


class Route53:
    """A Challenger by TXT records of Route 53."""

    kind = KIND

    def __init__(self, options: Mapping[str, Any], sleep: Callable[[float], None] = time.sleep) -> None:
        self._options, self._sleep = options, sleep
        self._client: Any = None
        self._resolver: Optional[Resolver] = None
        self._zones: Dict[str, List[str]] = {}  # by name: the ids of the public hosted zones
        self._servers: Dict[str, List[str]] = {}  # by the name of a zone: who answers for it
        self._silent: Set[str] = set()  # of these, who does not
        self._records = Records(_Record)

    def publish(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """Every name server of Route 53 has the values."""
        records = self._records.begun(challenges)
        try:
            self._open()
        except ClmError as error:
            return [error for _one in records]
        for record in records:
            record.tried(self._place)
        placed = [one for one in records if one.problem is None]
        changes = self._change(placed, add=True)
        self._await([one for one in placed if one.problem is None], changes)
        return [one.problem for one in records]

    def withdraw(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """The values are gone from the zone, and others of the same name stay."""
        return self._records.withdrawn(challenges, self._opened, lambda one: bool(one.zone[0]), lambda some: self._change(some, add=False))

    def _open(self) -> None:
        """The client, and which hosted zones there are."""
        require_dns()
        if self._client is not None:
            return
        account, region = aws.account(self._options, REGION)
        client = account.client("route53", region)
        given = str(self._options.get("hosted_zone_id") or "")
        if given:
            with aws.told("route53 GetHostedZone"):
                found = [client.get_hosted_zone(Id=given)["HostedZone"]]
        else:
            found = list(aws.pages(client, "list_hosted_zones", "HostedZones"))
        self._zones = {}
        for zone in found:
            if not (zone.get("Config") or {}).get("PrivateZone"):
                self._zones.setdefault(str(zone["Name"]).lower(), []).append(str(zone["Id"]).rpartition("/")[2])
        self._resolver = Resolver(list(self._options.get("resolvers") or ()))
        self._client = client

    def _opened(self, record: _Record) -> None:
        self._open()
        self._place(record)

    def _place(self, record: _Record) -> None:
        """Where the record belongs, CNAMEs followed."""
        if self._resolver is not None:
            record.name = self._resolver.canonical(f"_acme-challenge.{record.challenge.name}.")
        labels = record.text.lower().split(".")
        for start in range(len(labels) - 1):
            name = ".".join(labels[start:])
            ids = self._zones.get(name, [])
            if len(ids) > 1:
                text = f"{record.text} is in {len(ids)} public hosted zones called {name}: {', '.join(sorted(ids))}"
                raise ConfigError(text, hint="name the one that the domain is delegated to", field="issuer.challenge.hosted_zone_id")
            if ids:
                record.zone = (ids[0], name)
                return
        known = ", ".join(sorted(self._zones)[:8]) or "none"
        raise ConfigError(f"{record.text} is in no public hosted zone of this account, which has {known}", hint=WHOSE)

    def _change(self, records: Sequence[_Record], add: bool) -> Dict[str, List[str]]:
        """Add or take away zone by zone; returns the ids of the changes by zone, and leaves the problem at what could not be changed."""
        made: Dict[str, List[str]] = {}
        zones: Dict[Tuple[str, str], List[_Record]] = {}
        for record in records:
            zones.setdefault(record.zone, []).append(record)
        for (zone, name), own in zones.items():
            wanted: Dict[str, List[str]] = {}
            for record in own:
                wanted.setdefault(record.text, []).append(record.value)
            changes = Changes(self._client, zone, int(self._options["ttl"]), self._sleep)
            problems = changes.add(wanted) if add else changes.remove(wanted)
            for record in own:
                problem = problems.get(record.text)
                record.problem = type(problem)(f"hosted zone {zone} ({name}): {problem.message}", hint=problem.hint) if problem else None
            made[zone] = changes.ids
        return made

    def _await(self, records: Sequence[_Record], changes: Mapping[str, Sequence[str]]) -> None:
        """Until Route 53 and the name servers that answer have every value, or for as long as `propagation_timeout` says."""
        deadline = time.monotonic() + float(self._options["propagation_timeout"])
        for zone, ids in changes.items():
            own = [one for one in records if one.zone[0] == zone]
            late = next((one for one in ids if own and not self._in_sync(one, deadline, own)), "")
            for record in own if late else ():
                text = f"Route 53 has not spread {record.text} after {self._options['propagation_timeout']} seconds (change {late})"
                record.problem = record.problem or ClmError(text, hint="look at the AWS health page, or raise propagation_timeout")
        for record in records:
            if record.problem is None:
                record.tried(lambda one: self._seen(one, deadline))

    def _in_sync(self, change: str, deadline: float, records: Sequence[_Record]) -> bool:
        """False when the time is over; what AWS refuses is a problem of the records."""
        pause = FIRST
        try:
            while True:
                with aws.told("route53 GetChange"):
                    if self._client.get_change(Id=change)["ChangeInfo"]["Status"] == "INSYNC":
                        return True
                if time.monotonic() > deadline:
                    return False
                self._sleep(pause)
                pause = min(2 * pause, LONGEST)
        except ClmError as error:
            for record in records:
                record.problem = error
            return True

    def _seen(self, record: _Record, deadline: float) -> None:
        """No name server that the world is told of answers without the value; one that cannot be asked from here is no problem."""
        missing = list(self._name_servers(record.zone[1]))
        while True:
            missing = [server for server in missing if self._answers_without(server, record)]
            if not missing:
                return
            if time.monotonic() > deadline:
                break
            self._sleep(FIRST)
        text = f"Route 53 has {record.text} in hosted zone {record.zone[0]}, and the name servers of {record.zone[1]} that answer have not"
        raise ClmError(f"{text}: {', '.join(missing)}", hint=WHOSE)

    def _name_servers(self, zone: str) -> List[str]:
        """The addresses that the resolvers give for the zone, as far as they answered so far."""
        if zone not in self._servers:
            try:
                self._servers[zone] = (self._resolver or Resolver(())).authoritative(zone)
            except ClmError:
                self._servers[zone] = []
        return [one for one in self._servers[zone] if one not in self._silent]

    def _answers_without(self, server: str, record: _Record) -> bool:
        values = None if server in self._silent else Resolver.texts(server, int(self._options["authoritative_port"]), record.name)
        if values is None:
            self._silent.add(server)  # where port 53 is closed to us, each question would cost its timeout
        return values is not None and record.value not in values
