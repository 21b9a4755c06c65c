# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates whose key ACM keeps, bound by their ARN where it keeps them, on the lab's emulator with its TLS front (tier B)."""

from __future__ import annotations

import time

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Version
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge
from ansible_collections.certops.clm.plugins.module_utils.targets import (
    aws_acm,
    aws_api_domain,
    aws_cloudfront_distribution,
    aws_elb_listener,
)
from ansible_collections.certops.clm.plugins.module_utils.targets._powers import HeldBinder, InUseError, RefusedError
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.lab.aws_places import ACCOUNT
from ansible_collections.certops.clm.tests.unit.contracts.target import QUICK
from ansible_collections.certops.clm.tests.unit.targets.test_aws_bound import EAST, Classic, ClassicIam, CloudFront, EdgeDomain, RestDomain

PLACES = (
    (Classic, aws_elb_listener, REGION),
    (CloudFront, aws_cloudfront_distribution, EAST),
    (RestDomain, aws_api_domain, REGION),
    (EdgeDomain, aws_api_domain, EAST),
)


def requested(aws, region):
    """A certificate that ACM has issued there, with a key of its own."""
    acm, dns = aws.client("acm", region), aws.client("route53")
    arn = acm.request_certificate(DomainName="shop.example.com", ValidationMethod="DNS", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
    option = [acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0] for _time in range(2)][1]
    zone = dns.create_hosted_zone(Name="example.com", CallerReference=arn)["HostedZone"]["Id"]
    row = {"Name": option["ResourceRecord"]["Name"], "Type": "CNAME", "TTL": 60}
    row["ResourceRecords"] = [{"Value": option["ResourceRecord"]["Value"]}]
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": row}]})
    time.sleep(0.3)
    answer = acm.get_certificate(CertificateArn=arn)
    leaf = Certificate.from_pem(answer["Certificate"])
    return Version(leaf.sha256, answer["Certificate"] + answer["CertificateChain"], leaf.spki_sha256, held=arn)


def deploy(provider, estate, version):
    target = provider.create(QUICK, estate.now)
    target.take_keys_from(estate.store)
    return converge([Item("one", estate.where, version)], target=target, clock=estate.now)["one"]


@pytest.mark.parametrize("kind,provider,region", PLACES)
def test_bound_by_its_arn_and_served_and_one_of_another_region_is_refused_before_any_write(aws, tmp_path, kind, provider, region):
    estate = kind(aws, tmp_path)
    elsewhere, here = requested(aws, EAST if region == REGION else REGION), requested(aws, region)
    target = provider.create(QUICK, estate.now)
    assert isinstance(target, HeldBinder) and target.held_in(estate.where) == f"acm:{ACCOUNT}:{region}"
    writes = estate.writes()
    outcome = deploy(provider, estate, elsewhere)
    assert (outcome.state, outcome.step) == ("failed", "plan") and f"the place takes one of acm:{ACCOUNT}:{region}" in outcome.message
    assert estate.writes() == writes
    imported = aws.calls().get("acm:ImportCertificate")
    outcome = deploy(provider, estate, here)
    assert outcome.state == "done" and "is served" in outcome.message
    assert deploy(provider, estate, here).state == "unchanged" and aws.calls().get("acm:ImportCertificate") == imported


def test_where_the_key_itself_is_needed_and_what_acm_has_renewed_meanwhile_are_refused_before_any_write(aws, tmp_path):
    estate, version = ClassicIam(aws, tmp_path), requested(aws, REGION)
    writes = estate.writes()
    outcome = deploy(aws_elb_listener, estate, version)
    assert (outcome.state, outcome.step) == ("failed", "plan") and "takes one of iam" in outcome.message
    own = estate.place(estate.where["endpoints"][0], certificate_arn=estate.held(estate.old), allow_no_rollback=True)
    writes = estate.writes()
    target = aws_acm.create(QUICK, estate.now)
    target.take_keys_from(estate.store)
    outcome = converge([Item("own", own, version)], target=target, clock=estate.now)["own"]
    assert (outcome.state, outcome.step) == ("failed", "plan") and f"calls it {version.held}" in outcome.message
    assert "key_origin: store" in outcome.next_action and not isinstance(target, HeldBinder)
    aws.renew(version.held)
    assert estate.writes() == writes
    other = RestDomain(aws, tmp_path / "other")
    writes = other.writes()
    outcome = deploy(aws_api_domain, other, version)
    assert (outcome.state, outcome.step) == ("failed", "plan") and "ACM has renewed it" in outcome.message and other.writes() == writes


def test_what_acm_issued_and_nobody_wants_any_more_is_found_and_dropped_and_what_is_imported_in_place_never(aws, tmp_path):
    estate, version = Classic(aws, tmp_path), requested(aws, REGION)
    lineage = f"held-{estate.number}"
    tags = [{"Key": "clm_lineage", "Value": lineage}, {"Key": "clm_version", "Value": "000001-00000001"}]
    acm, where = aws.client("acm"), {**estate.where, "lineage": lineage}
    acm.add_tags_to_certificate(CertificateArn=version.held, Tags=tags)
    waiting = acm.request_certificate(DomainName="late.example.com", ValidationMethod="DNS", Tags=tags)["CertificateArn"]
    in_place = estate.held(estate.old, clm_lineage=lineage, clm_deployment="shop-acm")
    target = aws_elb_listener.create(QUICK, estate.now)
    assert target.copies(where, {version.sha256, estate.old.sha256}) == {version.held: version.sha256}
    with pytest.raises(RefusedError, match="something else than its tags say"):
        target.drop(where, in_place)
    assert deploy(aws_elb_listener, estate, version).state == "done"
    with pytest.raises(InUseError, match="is used by"):
        target.drop(where, version.held)
    assert deploy(aws_elb_listener, estate, estate.new).state == "done"
    target.drop(where, version.held)
    again = aws_elb_listener.create(QUICK, estate.now)
    assert again.copies(where, {version.sha256}) == {} and again.copies(where, {estate.old.sha256}) == {}
    states = [acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] for arn in (waiting, in_place)]
    assert states == ["PENDING_VALIDATION", "ISSUED"]
