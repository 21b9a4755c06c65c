# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route 53: change batches that are all or nothing, and changes that take their time to be everywhere."""

from __future__ import annotations

import uuid
from typing import Any, Dict, List

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.route53.exceptions import Route53ClientError
from moto.route53.models import RecordSet, Route53Backend
from moto.route53.responses import Route53

from aws_patches import patch

LOOKS: Dict[str, int] = {}  # by change: how often it was asked for


def _refused(text: str) -> Route53ClientError:
    return Route53ClientError("InvalidChangeBatch", f"[{text}]")


@patch
def route53_batches() -> None:
    """All or nothing; CREATE of what exists is refused, and DELETE that does not name the TTL and every value that is there.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html and API_Change.html
    """

    def change_resource_record_sets(self: Any, zoneid: str, change_list: List[Dict[str, Any]]) -> None:
        zone = self.get_hosted_zone(zoneid)
        rows = list(zone.rrsets)
        for change in change_list:
            rows = _changed(rows, zone.name, change["Action"], change["ResourceRecordSet"])
        zone.rrsets = rows

    Route53Backend.change_resource_record_sets = change_resource_record_sets


def _changed(rows: List[RecordSet], zone: str, action: str, record: Dict[str, Any]) -> List[RecordSet]:
    name = record["Name"].rstrip(".") + "."
    if not f".{name}".endswith(f".{zone.rstrip('.')}."):
        raise _refused(f"RRSet with DNS name {name} is not permitted in zone {zone}")
    values = [one["Value"] for one in record.get("ResourceRecords") or ()]
    made = RecordSet({**record, "Name": name, **({"ResourceRecords": values} if values else {})})
    same = [row for row in rows if (row.name, row.type, row.set_identifier) == (name, made.type, made.set_identifier)]
    what = f"resource record set [name='{name}', type='{made.type}']"
    if action == "CREATE" and same:
        raise _refused(f"Tried to create {what} but it already exists")
    if action == "DELETE" and not same:
        raise _refused(f"Tried to delete {what} but it was not found")
    if action == "DELETE" and (sorted(same[0].records), int(same[0].ttl or 0)) != (sorted(values), int(made.ttl or 0)):
        raise _refused(f"Tried to delete {what} but the values provided do not match the current values")
    kept = [row for row in rows if row not in same]
    other = [row for row in kept if row.name == name and "CNAME" in (row.type, made.type)]
    if action != "DELETE" and other:
        raise _refused(f"RRSet of type {made.type} with DNS name {name} is not permitted because a conflicting RRSet exists in zone {zone}")
    return kept if action == "DELETE" else [*kept, made]


@patch
def route53_changes() -> None:
    """A change has an id of its own and is PENDING first; one that nobody made is not found.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html
    """
    before = Route53.change_resource_record_sets

    def change_resource_record_sets(self: Any) -> ActionResult:
        before(self)
        change = "C" + uuid.uuid4().hex[:13].upper()
        LOOKS[change] = 0
        return ActionResult({"ChangeInfo": {"Id": f"/change/{change}", "Status": "PENDING", "SubmittedAt": utcnow()}})

    def get_change(self: Any) -> ActionResult:
        change = self._get_param("Id").rpartition("/")[2]
        if change not in LOOKS:
            raise Route53ClientError("NoSuchChange", f"Could not find resource with ID: {change}")
        LOOKS[change] += 1
        status = "INSYNC" if LOOKS[change] > 1 else "PENDING"
        return ActionResult({"ChangeInfo": {"Id": f"/change/{change}", "Status": status, "SubmittedAt": utcnow()}})

    Route53.change_resource_record_sets, Route53.get_change = change_resource_record_sets, get_change
