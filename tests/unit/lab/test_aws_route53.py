# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in the emulator's Route 53, with and without the patches."""

from __future__ import annotations

import botocore.exceptions


def change(client, zone, *rows):
    changes = []
    for action, name, kind, value in rows:
        record = {"Name": f"{name}.lab.example", "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
        changes.append({"Action": action, "ResourceRecordSet": record})
    return client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})["ChangeInfo"]


def refused(client, zone, *rows):
    try:
        change(client, zone, *rows)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"] == "InvalidChangeBatch"
    return False


def test_a_batch_is_all_or_nothing_and_names_what_is_there(lab):
    server, mended = lab
    server.reset()
    client = server.client("route53")
    zone = client.create_hosted_zone(Name="lab.example", CallerReference="1")["HostedZone"]["Id"]
    change(client, zone, ("CREATE", "a", "TXT", '"one"'))
    assert refused(client, zone, ("CREATE", "b", "TXT", '"x"'), ("CREATE", "a", "TXT", '"two"')) is mended
    names = [row["Name"] for row in client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]]
    assert ("b.lab.example." not in names) is mended
    assert refused(client, zone, ("DELETE", "a", "TXT", '"other"')) is mended
    assert refused(client, zone, ("CREATE", "c", "TXT", '"x"'), ("CREATE", "c", "CNAME", "x.example")) is mended
    assert not refused(client, zone, ("CREATE", "d.other", "TXT", '"x"'))
    if mended:
        assert not refused(client, zone, ("DELETE", "a", "TXT", '"one"'), ("CREATE", "a", "TXT", '"two"'))


def test_a_change_is_pending_first_and_has_an_id_of_its_own(lab):
    server, mended = lab
    server.reset()
    client = server.client("route53")
    zone = client.create_hosted_zone(Name="lab.example", CallerReference="1")["HostedZone"]["Id"]
    one, two = change(client, zone, ("CREATE", "a", "TXT", '"1"')), change(client, zone, ("CREATE", "b", "TXT", '"1"'))
    assert (one["Id"] != two["Id"]) is mended and (one["Status"] == "PENDING") is mended
    said = [client.get_change(Id=one["Id"])["ChangeInfo"]["Status"] for _time in range(2)]
    assert said == (["PENDING", "INSYNC"] if mended else ["INSYNC", "INSYNC"])
