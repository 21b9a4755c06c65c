# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of proofs in Route 53."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.module_utils.challenges.dns_01_route53 import OPTIONS, Route53
from ansible_collections.certops.clm.plugins.module_utils.contracts import Challenge

RECORD = "_acme-challenge.lab.example."


def proving(aws, by_id):
    """Added and taken away beside a value of somebody else; no name server is asked, for that needs no right."""
    client = aws.client("route53")
    zone = client.create_hosted_zone(Name="lab.example", CallerReference="drill")["HostedZone"]["Id"].rpartition("/")[2]
    record = {"Name": RECORD, "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": '"theirs"'}]}
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]})
    given = {name: spec.get("default") for name, spec in OPTIONS.items()}

    def run():
        one = Route53({**given, "hosted_zone_id": zone if by_id else None, "propagation_timeout": 30}, lambda _seconds: None)
        one._servers = {"lab.example.": []}
        one._place = lambda record: setattr(record, "name", RECORD) or setattr(record, "zone", (zone, "lab.example."))
        asked = [Challenge("lab.example", "token", "token.thumbprint")]
        found = [*one.publish(asked), *one.withdraw(asked)]
        return [f"{problem} {problem.hint}" for problem in found if problem is not None]

    return run


DRILLS = {
    "Without ``hosted_zone_id``": lambda aws, folder: proving(aws, False),
    "With ``hosted_zone_id``": lambda aws, folder: proving(aws, True),
}
