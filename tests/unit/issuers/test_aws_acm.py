# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public certificates of ACM under the contract of issuers, and what is their own, against the lab's emulator (tier B)."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Issued, IssueRequest, Pending
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.issuers import aws_acm
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.unit.contracts.issuer import IssuerContract

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


class TestAwsAcm(IssuerContract):
    provider = aws_acm
    now = NOW

    @pytest.fixture(autouse=True)
    def _lab(self, lab):
        zone(lab, "example.com")

    def options(self, folder):
        return {"region": REGION}


def zone(lab, name, private=False):
    more = {"VPC": {"VPCRegion": REGION, "VPCId": "vpc-1"}} if private else {}
    config = {"PrivateZone": private, "Comment": ""}
    made = lab.client("route53").create_hosted_zone(Name=name, CallerReference=f"{name}{private}", HostedZoneConfig=config, **more)
    return made["HostedZone"]["Id"]


def records(lab, where, kind="CNAME"):
    rows = lab.client("route53").list_resource_record_sets(HostedZoneId=where)["ResourceRecordSets"]
    return {row["Name"]: row["ResourceRecords"][0]["Value"] for row in rows if row["Type"] == kind}


def put(lab, where, name, kind, value):
    record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    lab.client("route53").change_resource_record_sets(HostedZoneId=where, ChangeBatch=change)


def issuer(now=NOW, sleep=lambda seconds: time.sleep(seconds / 10), **more):
    aws_acm.create({"region": REGION, **more}, lambda: now)
    given = {name: spec.get("default") for name, spec in aws_acm.OPTIONS.items()}
    return aws_acm.AwsAcm({**given, "region": REGION, **more}, lambda: now, sleep)


def asked(lineage="shop", *names, version="000001-00000001", **more):
    return IssueRequest(f"{lineage}/{version}", lineage, "", names or (f"{lineage}.one.example",), 1, key_type="ecdsa-p256", **more)


def issued(request, **more):
    """What a run says that asks, and goes on with what it was told."""
    one = issuer(**more)
    answer = one.begin(request)
    while isinstance(answer, Pending) and answer.go_on:
        ref, answer = answer.ref, one.resume(answer.ref, request)
    return ref, answer


def detail(lab, arn):
    return lab.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]


def test_many_names_in_two_zones_with_few_calls_and_records_that_stay(lab):
    one, two = zone(lab, "one.example"), zone(lab, "two.example")
    private = zone(lab, "deep.one.example", private=True)
    many = [asked(f"n{number}", f"n{number}.deep.one.example", f"*.n{number}.two.example", f"n{number}.two.example") for number in range(6)]
    lab.forget_calls()
    lab.faults({"match": "acm:*", "share": 0.2, "code": "ThrottlingException"})
    acm = issuer()
    refs = [answer.ref for answer in acm.begin_many(many)]
    answers = acm.resume_many(list(zip(refs, many)))
    lab.faults()
    assert [type(one) for one in answers] == [Issued] * 6 and len(set(refs)) == 6
    assert [set(Chain.parse(answer.chain_pem).leaf.names) for answer in answers] == [set(request.names) for request in many]
    calls = {name: count for name, count in lab.calls().items() if name.startswith("route53:")}
    assert sum(calls.values()) == 3, "one listing of the zones, and one batch for each"
    assert len(records(lab, one)) == 6 and len(records(lab, two)) == 6, "a wildcard shares the record of its name"
    assert not records(lab, private)
    assert [answer.ref for answer in issuer().begin_many(many)] == refs, "the request id is the idempotency token"
    tags = lab.client("acm").list_tags_for_certificate(CertificateArn=refs[0])["Tags"]
    assert {row["Key"]: row["Value"] for row in tags} == {"clm_lineage": "n0", "clm_version": "000001-00000001"}
    lab.forget_calls()
    again = asked("n0", *many[0].names, version="000002-00000002")
    assert isinstance(issued(again)[1], Issued) and not [name for name in lab.calls() if name.startswith("route53:")], "they are there"


def test_without_a_zone_of_ours_somebody_is_told_what_to_add_and_a_later_run_goes_on(lab):
    zone(lab, "one.example")
    request = asked("shop", "shop.one.example", "shop.else.example")
    for options in ({}, {"dns": "manual"}):
        ref, answer = issued(request, **options)
        wanted = [one["ResourceRecord"] for one in detail(lab, ref)["DomainValidationOptions"] if one["DomainName"] == "shop.else.example"]
        assert isinstance(answer, Pending) and f"{wanted[0]['Name']} CNAME {wanted[0]['Value']}" in answer.who_must_act
        assert answer.check_after > NOW
    assert "shop.one.example" not in answer.who_must_act, "what is validated nobody has to add"
    assert issuer().resume(ref, request).ref == ref
    put(lab, zone(lab, "else.example"), wanted[0]["Name"], "CNAME", wanted[0]["Value"])
    assert isinstance(issuer(dns="manual").resume(ref, request), Issued)


def test_what_takes_longer_is_pending_and_fetched_later(lab):
    zone(lab, "one.example")
    slept = []
    acm = issuer(sleep=slept.append, issue_timeout=3)
    ref = acm.begin(request := asked("shop", "slow.one.example")).ref
    answer = acm.resume(ref, request)
    assert isinstance(answer, Pending) and answer.ref == ref and answer.who_must_act.startswith("ACM, which has")
    assert 3 <= sum(slept) <= 6
    assert isinstance(issuer().resume(ref, request), Issued)


def test_a_refusal_says_why_and_the_next_run_asks_anew(lab):
    where = zone(lab, "one.example")
    put(lab, where, "one.example", "CAA", '0 issue "other.example"')
    one, request = issuer(), asked()
    ref = one.begin(request).ref
    with pytest.raises(ConfigError) as caught:
        one.resume(ref, request)
    assert "CAA_ERROR for shop.one.example" in caught.value.message and "amazon.com" in caught.value.hint
    with pytest.raises(ConfigError, match="CAA_ERROR"):
        issuer_again = issuer()
        new = issuer_again.resume(ref, request)
        assert new.go_on and new.ref != ref
        issuer_again.resume(new.ref, request)
    put(lab, where, "one.example", "CAA", '0 issue "amazon.com"')
    lab.client("acm").delete_certificate(CertificateArn=new.ref)
    last = issuer()
    third = last.resume(new.ref, request)
    assert third.ref not in (ref, new.ref) and isinstance(last.resume(third.ref, request), Issued)


def test_acm_renews_what_is_in_use_and_until_it_has_nobody_asks_for_another_one(lab):
    zone(lab, "one.example")
    request = asked()
    ref, answer = issued(request)
    leaf = Chain.parse(answer.chain_pem).leaf
    assert issuer().renewal(ref, leaf.pem) is None, "ACM leaves alone what nothing uses"
    lab.listener("shop", ref)
    hint = issuer(NOW + 150 * DAY).renewal(ref, leaf.pem)
    assert hint.alone and not hint.successor and 18 * DAY < leaf.not_after - hint.end < 21 * DAY
    for status in ("FAILED", "PENDING_VALIDATION"):
        lab.renew(ref, status)
        assert issuer(NOW + 150 * DAY).renewal(ref, leaf.pem) is None and issuer().renewal(ref, leaf.pem).alone
    lab.renew(ref)
    hint = issuer().renewal(ref, leaf.pem)
    lab.forget_calls()
    after = replace(request, request_id="shop/000002-00000002", replaces_pem=leaf.pem, replaces_ref=ref)
    again, renewed = issued(after)
    assert again == ref and "under the same ARN" in renewed.note and "acm:RequestCertificate" not in lab.calls()
    assert Chain.parse(renewed.chain_pem).sha256 == hint.successor != leaf.sha256
    assert issued(replace(after, names=("shop.one.example", "www.one.example")))[0] != ref, "other names are another certificate"


def test_what_acm_issues_to_nobody_is_refused_before_it_is_asked(lab):
    lab.forget_calls()
    wrong = (
        (asked("a", "192.0.2.1"), "address"),
        (asked("a", "x" * 60 + ".example"), "64 characters"),
        (asked("a", *(f"n{number}.example" for number in range(101))), "100 names"),
        (replace(asked(), key_type="ed25519"), "ed25519"),
        (replace(asked(), usages=("server_auth", "client_auth")), "servers alone"),
    )
    for request, said in wrong:
        with pytest.raises(ConfigError, match=said):
            issuer().begin(request)
    assert "acm:RequestCertificate" not in lab.calls()
    with pytest.raises(ConfigError, match="at least 1"):
        issuer(concurrency=0)
    with pytest.raises(ConfigError, match="no certificate of ACM"):
        issuer().resume(f"arn:aws:acm:{REGION}:999999999999:certificate/x", asked())


def test_two_zones_of_one_name_and_a_refused_call_say_what_to_do(lab):
    first = zone(lab, "one.example")
    lab.client("route53").create_hosted_zone(Name="one.example", CallerReference="2")
    with pytest.raises(ConfigError) as caught:
        issued(asked())
    assert "hosted_zone_ids" in caught.value.hint
    assert isinstance(issued(asked(), hosted_zone_ids=[first])[1], Issued)
    lab.faults({"match": "acm:RequestCertificate", "share": 1, "code": "AccessDeniedException"})
    with pytest.raises(ClmError) as caught:
        issued(asked("other"))
    assert "acm:RequestCertificate" in caught.value.hint
