# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name server on loopback that answers what the hosted zones of the lab's AWS emulator hold, CNAME records followed.

    with serving(aws) as names:
        names.zone("lab.example")            # a public hosted zone; its id
        names.challenge()                    # options of the challenge dns_01_route53
        pebble(place, dns=names.address)     # a CA that asks it
        names.hidden.add("lab.example.")     # the world is told of other name servers, which know nothing of it
"""

from __future__ import annotations

import socketserver
import threading
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Tuple

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from .aws import Aws

HOME = "127.0.0.1"


class Names:
    """The name server; every address that it is asked for is this machine's."""

    def __init__(self, aws: Aws) -> None:
        self.aws, self.hidden = aws, set[str]()
        self._known: Tuple[float, Dict[str, List[Dict[str, Any]]]] = (0.0, {})
        self._client = aws.client("route53")
        outer = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, socket = self.request
                socket.sendto(outer.answer(dns.message.from_wire(data)).to_wire(), self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while size := self.rfile.read(2):
                    said = outer.answer(dns.message.from_wire(self.rfile.read(int.from_bytes(size, "big")))).to_wire()
                    self.wfile.write(len(said).to_bytes(2, "big") + said)

        tcp = socketserver.ThreadingTCPServer((HOME, 0), Tcp)
        tcp.daemon_threads = True
        self.port = int(tcp.server_address[1])
        self._servers = [tcp, socketserver.ThreadingUDPServer((HOME, self.port), Udp)]
        self.address = f"{HOME}:{self.port}"

    def start(self) -> Names:
        """Answering."""
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        """Gone."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def zone(self, name: str, private: bool = False) -> str:
        """A new hosted zone; its id."""
        more: Dict[str, Any] = {"VPC": {"VPCRegion": "eu-central-1", "VPCId": "vpc-1"}} if private else {}
        config = {"PrivateZone": private, "Comment": ""}
        made = self._client.create_hosted_zone(Name=name, CallerReference=f"{name}{private}", HostedZoneConfig=config, **more)
        return str(made["HostedZone"]["Id"].rpartition("/")[2])

    def put(self, zone: str, name: str, kind: str, *values: str, ttl: int = 300) -> None:
        """A record of somebody else."""
        record = {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": one} for one in values]}
        change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
        self._client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
        self._known = (0.0, {})

    def records(self) -> Dict[str, List[str]]:
        """`name type` and its values, of every public zone, without what a zone begins with."""
        found: Dict[str, List[str]] = {}
        for zone in self._zones():
            for row in self._client.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
                if row["Type"] not in ("NS", "SOA"):
                    found[f"{row['Name']} {row['Type']}"] = [one["Value"] for one in row["ResourceRecords"]]
        return found

    def _zones(self) -> List[Dict[str, Any]]:
        pages = self._client.get_paginator("list_hosted_zones").paginate()
        return [zone for page in pages for zone in page["HostedZones"] if not zone["Config"]["PrivateZone"]]

    def challenge(self, **more: Any) -> Dict[str, Any]:
        """Options of the challenge."""
        return {"type": "dns_01_route53", "resolvers": [self.address], "authoritative_port": self.port, "propagation_timeout": 30, **more}

    def answer(self, query: Any) -> Any:
        """What is in the zones for a question."""
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA | dns.flags.AA
        name, kind = query.question[0].name, query.question[0].rdtype
        zones = self._now()
        for _hop in range(4):
            rows = self._rows(zones, name)
            found = rows.get(dns.rdatatype.to_text(kind)) or rows.get("CNAME") or []
            is_alias = not rows.get(dns.rdatatype.to_text(kind)) and bool(found)
            if kind == dns.rdatatype.A:
                found = [HOME]
            if not found:
                return answer
            shown = dns.rdatatype.CNAME if is_alias and kind != dns.rdatatype.A else kind
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", dns.rdatatype.to_text(shown), found))
            if shown == kind:
                return answer
            name = dns.name.from_text(found[0])
        return answer

    def _now(self) -> Dict[str, List[Dict[str, Any]]]:
        """The records of every zone, as they were at most a fifth of a second ago."""
        if time.monotonic() - self._known[0] > 0.2:
            pages = self._client.get_paginator("list_resource_record_sets").paginate
            ids = {zone["Name"]: zone["Id"] for zone in self._zones()}
            rows = {name: [row for page in pages(HostedZoneId=zone) for row in page["ResourceRecordSets"]] for name, zone in ids.items()}
            self._known = (time.monotonic(), rows)
        return self._known[1]

    def _rows(self, zones: Dict[str, List[Dict[str, Any]]], name: Any) -> Dict[str, List[str]]:
        """Type and values of the name in the zone that holds it."""
        own = [zone for zone in zones if name.is_subdomain(dns.name.from_text(zone))]
        zone = max(own, key=len, default="")
        if not own or (zone in self.hidden and name != dns.name.from_text(zone)):
            return {}
        rows = [row for row in zones[zone] if dns.name.from_text(row["Name"]) == name]
        return {row["Type"]: [_absolute(row["Type"], one["Value"]) for one in row["ResourceRecords"]] for row in rows}


def _absolute(kind: str, value: str) -> str:
    return f"{value.rstrip('.')}." if kind in ("NS", "CNAME") else value


@contextmanager
def serving(aws: Aws) -> Iterator[Names]:
    """One that answers until the end of the block."""
    names = Names(aws)
    try:
        yield names.start()
    finally:
        names.stop()
