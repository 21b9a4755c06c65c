# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of TXT records in one hosted zone of Route 53, added and taken away beside those of others.

A record of Route 53 is a name with all its values, and UPSERT puts one record over another, so two that write at the same time would
lose a value. A batch is all or nothing, a CREATE of what exists is refused, and so is a DELETE that does not name the values that
are there: so a record is changed by DELETE of what was read and CREATE of what shall be, in one batch, and read again when refused.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .. import aws
from ..errors import BusyError, ClmError, ConfigError

TOGETHER = 100  # names in one batch: AWS takes 1,000 values, and 32,000 characters of them
LETTERS = 12000
TRIES = 8  # somebody else changes the same name at the same time
REFUSED = "InvalidChangeBatch"
Row = Dict[str, Any]
Wanted = Mapping[str, Sequence[str]]


class Changes:
    """The changes of one zone; `ids` are those that AWS took."""

    def __init__(self, client: Any, zone: str, ttl: int, sleep: Callable[[float], None]) -> None:
        self._client, self._zone, self._ttl, self._sleep = client, zone, ttl, sleep
        self.ids: List[str] = []

    def add(self, wanted: Wanted) -> Dict[str, ClmError]:
        """Every name has its values; returns the problem of each name that has not."""
        return self._all({name: (_quoted(values), ()) for name, values in wanted.items()})

    def remove(self, wanted: Wanted) -> Dict[str, ClmError]:
        """No name has these values any more; returns the problem of each name that may have."""
        return self._all({name: ((), _quoted(values)) for name, values in wanted.items()})

    def _all(self, changes: Mapping[str, Tuple[Sequence[str], Sequence[str]]]) -> Dict[str, ClmError]:
        """First in batches, as if nobody else used the names; where that is refused, name by name after reading it."""
        problems: Dict[str, ClmError] = {}
        for names in _batches(changes):
            batch = [row for name in names for row in self._blind(name, *changes[name])]
            problem = self._send(batch)
            if problem is None:
                continue
            if aws.code_of(problem) != REFUSED:
                problems.update(dict.fromkeys(names, problem))
                continue
            for name in names:
                alone = self._reading(name, *changes[name])
                if alone is not None:
                    problems[name] = alone
        return problems

    def _blind(self, name: str, more: Sequence[str], less: Sequence[str]) -> List[Row]:
        """What to send when the record is either not there, or as it was sent by us."""
        return [_change("CREATE", name, self._ttl, more)] if more else [_change("DELETE", name, self._ttl, less)]

    def _reading(self, name: str, more: Sequence[str], less: Sequence[str]) -> Optional[ClmError]:
        """Change the record as it is now; None when it is as wanted."""
        problem: Optional[ClmError] = None
        for attempt in range(TRIES):
            try:
                found = self._read(name)
            except ClmError as error:
                return error
            before = list(found["values"]) if found else []
            after = [value for value in before if value not in less] + [value for value in more if value not in before]
            if after == before and not more:  # what is there to be added goes in once more: its change tells when it is everywhere
                return None
            ttl = int(found["ttl"]) if found else self._ttl
            rows = [_change("DELETE", name, ttl, before)] if before else []
            problem = self._send([*rows, *([_change("CREATE", name, ttl, after)] if after else [])])
            if problem is None or aws.code_of(problem) != REFUSED:
                return problem
            self._sleep(0.2 * (attempt + 1))
        if problem is not None and "conflicting" not in problem.message and "not permitted" not in problem.message:
            return BusyError(f"somebody else keeps changing {name}: {problem.message}", hint="run again")
        return problem

    def _read(self, name: str) -> Optional[Row]:
        """Values and TTL of the TXT record, None where there is none."""
        with aws.told("route53 ListResourceRecordSets"):
            arguments = {"HostedZoneId": self._zone, "StartRecordName": name, "StartRecordType": "TXT", "MaxItems": "1"}
            rows = self._client.list_resource_record_sets(**arguments)["ResourceRecordSets"]
        if not rows or rows[0]["Type"] != "TXT" or rows[0]["Name"].lower() != name.lower():
            return None
        row = rows[0]
        if row.get("SetIdentifier") or "ResourceRecords" not in row:
            raise ConfigError(f"the TXT record {name} has a routing policy: it is left alone", hint="delete it, then run again")
        return {"values": [one["Value"] for one in row["ResourceRecords"]], "ttl": row["TTL"]}

    def _send(self, batch: Sequence[Row]) -> Optional[ClmError]:
        try:
            with aws.told("route53 ChangeResourceRecordSets"):
                answer = self._client.change_resource_record_sets(HostedZoneId=self._zone, ChangeBatch={"Changes": list(batch)})
        except ClmError as error:
            return error
        self.ids.append(str(answer["ChangeInfo"]["Id"]).rpartition("/")[2])
        return None


def _quoted(values: Sequence[str]) -> Tuple[str, ...]:
    return tuple(f'"{value}"' for value in dict.fromkeys(values))


def _change(action: str, name: str, ttl: int, values: Sequence[str]) -> Row:
    record = {"Name": name, "Type": "TXT", "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}
    return {"Action": action, "ResourceRecordSet": record}


def _batches(changes: Mapping[str, Tuple[Sequence[str], Sequence[str]]]) -> List[List[str]]:
    """The names in the batches that AWS takes."""
    found: List[List[str]] = [[]]
    letters = 0
    for name, (more, less) in changes.items():
        own = sum(map(len, (*more, *less)))
        if len(found[-1]) >= TOGETHER or (found[-1] and letters + own > LETTERS):
            found.append([])
            letters = 0
        found[-1].append(name)
        letters += own
    return [names for names in found if names]
