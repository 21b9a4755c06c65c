# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in how the emulator's ACM is asked for public certificates, with and without the patches."""

from __future__ import annotations

import time

import botocore.exceptions


def code_of(call, **arguments):
    """What the emulator refuses the call with, empty when it does not."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def detail(acm, arn):
    return acm.describe_certificate(CertificateArn=arn)["Certificate"]


def records_of(acm, arn):
    return [one.get("ResourceRecord") for one in detail(acm, arn)["DomainValidationOptions"]]


def test_what_is_asked_for_is_made_and_ten_names_are_the_most(lab):
    server, mended = lab
    server.reset()
    acm = server.client("acm")
    asked = {"DomainName": "a.example", "ValidationMethod": "DNS", "KeyAlgorithm": "EC_prime256v1"}
    arn = acm.request_certificate(IdempotencyToken="one", **asked)["CertificateArn"]
    assert acm.request_certificate(IdempotencyToken="one", **asked)["CertificateArn"] == arn
    assert acm.request_certificate(IdempotencyToken="two", **asked)["CertificateArn"] != arn
    assert bool(code_of(acm.request_certificate, IdempotencyToken="a/b", **asked)) is mended
    names = [f"n{number}.example" for number in range(10)]
    assert (code_of(acm.request_certificate, SubjectAlternativeNames=names, **asked) == "LimitExceededException") is mended
    assert (detail(acm, arn)["KeyAlgorithm"] == "EC_prime256v1") is mended
    assert (code_of(acm.get_certificate, CertificateArn=arn) == "RequestInProgressException") is mended


def test_issued_only_once_the_records_of_all_names_are_in_the_dns_and_failed_where_caa_forbids_it(lab):
    server, mended = lab
    server.reset()
    acm, dns = server.client("acm"), server.client("route53")
    zone = dns.create_hosted_zone(Name="example", CallerReference="1")["HostedZone"]["Id"]

    def put(name, kind, value):
        row = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
        dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": row}]})

    asked = {"DomainName": "a.example", "SubjectAlternativeNames": ["*.a.example", "b.example"], "ValidationMethod": "DNS"}
    arn = acm.request_certificate(**asked)["CertificateArn"]
    assert (records_of(acm, arn) == [None] * 3) is mended, "the first look is too early"
    apex, wild, other = records_of(acm, arn)
    assert (apex == wild and apex["Value"] != other["Value"]) is mended
    put(apex["Name"], "CNAME", apex["Value"])
    time.sleep(0.3)
    assert [one["ValidationStatus"] for one in detail(acm, arn)["DomainValidationOptions"]][-1] == "PENDING_VALIDATION"
    if not mended:
        time.sleep(1.8)
    assert (detail(acm, arn)["Status"] == "PENDING_VALIDATION") is mended
    put(other["Name"], "CNAME", other["Value"])
    assert detail(acm, arn)["Status"] == "ISSUED" and ((":" in detail(acm, arn)["Serial"]) is mended)
    put("c.example", "CAA", '0 issue "other.example"')
    second = acm.request_certificate(DomainName="c.example", ValidationMethod="DNS")["CertificateArn"]
    time.sleep(0.3 if mended else 2)
    assert (detail(acm, second).get("FailureReason") == "CAA_ERROR") is mended


def test_what_is_in_use_is_eligible_and_renewed_in_place(lab):
    server, mended = lab
    server.reset()
    acm, dns = server.client("acm"), server.client("route53")
    zone = dns.create_hosted_zone(Name="example", CallerReference="1")["HostedZone"]["Id"]
    arn = acm.request_certificate(DomainName="a.example", ValidationMethod="DNS")["CertificateArn"]
    record = (records_of(acm, arn) and records_of(acm, arn))[0]
    row = {"Name": record["Name"], "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": record["Value"]}]}
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": row}]})
    time.sleep(0.3 if mended else 2)
    assert detail(acm, arn)["RenewalEligibility"] == "INELIGIBLE"
    before = acm.get_certificate(CertificateArn=arn)["Certificate"]
    server.listener("shop", arn)
    assert (detail(acm, arn)["RenewalEligibility"] == "ELIGIBLE") is mended
    if mended:
        server.renew(arn)
        assert acm.get_certificate(CertificateArn=arn)["Certificate"] != before
        assert detail(acm, arn)["RenewalSummary"]["RenewalStatus"] == "SUCCESS"
