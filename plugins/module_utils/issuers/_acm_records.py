# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CNAME records that ACM asks for, in the public hosted zones of one account: written, and never taken away.

ACM looks at them again for every renewal. One name has one record for each account of AWS, however many certificates are for it, so
writing it once more changes nothing.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .. import aws
from ..errors import ClmError, ConfigError

REGION = "us-east-1"  # where the SDK signs for a service that is in no region
TOGETHER = 100  # AWS takes 32,000 characters of values in one batch, and counts those of an UPSERT twice
TTL = 300
WHOSE = "name the one that the domain is delegated to in hosted_zone_ids"
Record = Tuple[str, str]  # name and value


class Records:
    """The hosted zones of an account, listed once."""

    def __init__(self, client: Any, only: Sequence[str] = ()) -> None:
        self._client, self._only = client, [one.rpartition("/")[2] for one in only]
        self._zones: Dict[str, List[str]] = {}
        self._listed = False

    def write(self, records: Sequence[Record]) -> Dict[Record, ClmError]:
        """Every record is in its zone; returns why those are not that could not be written, and leaves out what is in no zone of ours."""
        problems: Dict[Record, ClmError] = {}
        zones: Dict[str, List[Record]] = {}
        for record in dict.fromkeys(records):
            try:
                zone = self.zone(record[0])
            except ClmError as error:
                problems[record] = error
                continue
            if zone:
                zones.setdefault(zone, []).append(record)
        for zone, own in zones.items():
            for start in range(0, len(own), TOGETHER):
                problems.update(self._send(zone, own[start : start + TOGETHER]))
        return problems

    def zone(self, name: str) -> str:
        """The id of the longest public hosted zone that holds the name, empty when none does; ConfigError where two have one name."""
        self._list()
        labels = name.rstrip(".").lower().split(".")
        for start in range(len(labels)):
            parent = ".".join(labels[start:])
            ids = self._zones.get(parent, [])
            if len(ids) > 1:
                raise ConfigError(f"{name} is in {len(ids)} public hosted zones called {parent}: {', '.join(sorted(ids))}", hint=WHOSE)
            if ids:
                return ids[0]
        return ""

    def _list(self) -> None:
        if self._listed:
            return
        if self._only:
            with aws.told("route53 GetHostedZone"):
                found: List[Mapping[str, Any]] = [self._client.get_hosted_zone(Id=one)["HostedZone"] for one in self._only]
        else:
            found = list(aws.pages(self._client, "list_hosted_zones", "HostedZones"))
        for zone in found:
            if not (zone.get("Config") or {}).get("PrivateZone"):
                self._zones.setdefault(str(zone["Name"]).rstrip(".").lower(), []).append(str(zone["Id"]).rpartition("/")[2])
        self._listed = True

    def _send(self, zone: str, records: Sequence[Record]) -> Dict[Record, ClmError]:
        changes = [
            {
                "Action": "UPSERT",
                "ResourceRecordSet": {"Name": name, "Type": "CNAME", "TTL": TTL, "ResourceRecords": [{"Value": value}]},
            }
            for name, value in records
        ]
        try:
            with aws.told("route53 ChangeResourceRecordSets"):
                self._client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
        except ClmError as error:
            problem = type(error)(f"hosted zone {zone}: {error.message}", hint=error.hint)
            return dict.fromkeys(records, problem)
        return {}
