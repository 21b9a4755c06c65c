# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classic load balancers, CloudFront and API Gateway as targets, on the lab's emulator with its TLS front (tier B)."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.module_utils import distributions
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge
from ansible_collections.certops.clm.plugins.module_utils.targets import aws_api_domain, aws_cloudfront_distribution, aws_elb_listener
from ansible_collections.certops.clm.plugins.module_utils.targets._powers import InUseError
from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.lab.aws_estate import AwsEstate
from ansible_collections.certops.clm.tests.lab.aws_places import ACCOUNT, classic, distribution, http_domain, rest_domain
from ansible_collections.certops.clm.tests.unit.contracts.target import QUICK, TargetContract

EAST = "us-east-1"


def deploy(provider, estate):
    target = provider.create(QUICK, estate.now)
    target.take_keys_from(estate.store)
    return converge([Item("one", estate.where, estate.new)], target=target, clock=estate.now)["one"]


class Classic(AwsEstate):
    store_name = "acm"

    def __init__(self, aws, folder):
        super().__init__(aws, folder)
        self.name = f"classic-{self.number}"
        where = {"load_balancer": self.name, "region": REGION, "port": 443, "store": self.store_name}
        self.where = self.place(self.serve(classic(aws, self.name, self.held(self.old))), **where)
        self.gone = {**self.where, "id": "gone", "load_balancer": "gone"}
        aws.forget_calls()

    def others(self):
        (row,) = self.aws.client("elb").describe_load_balancers(LoadBalancerNames=[self.name])["LoadBalancerDescriptions"]
        row["ListenerDescriptions"][0]["Listener"].pop("SSLCertificateId")
        return row


class TestClassic(TargetContract):
    provider = aws_elb_listener

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return Classic(aws, tmp_path)


class ClassicIam(Classic):
    store_name = "iam"


class TestClassicIam(TargetContract):
    provider = aws_elb_listener

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return ClassicIam(aws, tmp_path)


class CloudFront(AwsEstate):
    def __init__(self, aws, folder):
        super().__init__(aws, folder)
        self.id = distribution(aws, "shop.example.com", self.held(self.old, EAST))
        self.where = self.place(self.serve(f"arn:aws:cloudfront::{ACCOUNT}:distribution/{self.id}"), distribution_id=self.id)
        self.gone = {**self.where, "id": "gone", "distribution_id": "GONE"}
        aws.forget_calls()

    def config(self):
        return self.aws.client("cloudfront").get_distribution_config(Id=self.id)

    def others(self):
        config = self.config()["DistributionConfig"]
        viewer = config.pop("ViewerCertificate")
        return config, viewer["SSLSupportMethod"], viewer["MinimumProtocolVersion"]


class TestCloudFront(TargetContract):
    provider = aws_cloudfront_distribution

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return CloudFront(aws, tmp_path)


class RestDomain(AwsEstate):
    edge = False

    def __init__(self, aws, folder):
        super().__init__(aws, folder)
        self.name = f"shop-{self.number}.example.com"
        arn = self.held(self.old, EAST if self.edge else REGION)
        where = {"domain_name": self.name, "region": REGION, "api": "rest"}
        self.where = self.place(self.serve(rest_domain(aws, self.name, arn, edge=self.edge)), **where)
        self.gone = {**self.where, "id": "gone", "domain_name": "gone.example.com"}
        aws.forget_calls()

    def others(self):
        row = self.aws.client("apigateway").get_domain_name(domainName=self.name)
        return {key: value for key, value in row.items() if key not in ("certificateArn", "regionalCertificateArn", "ResponseMetadata")}


class EdgeDomain(RestDomain):
    edge = True


class TestRestDomain(TargetContract):
    provider = aws_api_domain

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return RestDomain(aws, tmp_path)


class HttpDomain(AwsEstate):
    def __init__(self, aws, folder):
        super().__init__(aws, folder)
        self.name = f"shop-{self.number}.example.com"
        where = {"domain_name": self.name, "region": REGION, "api": "http"}
        self.where = self.place(self.serve(http_domain(aws, self.name, self.held(self.old))), **where)
        self.gone = {**self.where, "id": "gone", "domain_name": "gone.example.com"}
        aws.forget_calls()

    def others(self):
        row = self.aws.client("apigatewayv2").get_domain_name(DomainName=self.name)
        row.pop("ResponseMetadata")
        row["DomainNameConfigurations"][0].pop("CertificateArn")
        return json.dumps(row)


class TestHttpDomain(TargetContract):
    provider = aws_api_domain

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return HttpDomain(aws, tmp_path)


def test_an_edge_optimised_domain_has_its_certificate_in_us_east_1(aws, tmp_path):
    estate = EdgeDomain(aws, tmp_path)
    around = estate.others()
    assert deploy(aws_api_domain, estate).state == "done" and estate.others() == around
    assert EAST in aws.client("apigateway").get_domain_name(domainName=estate.name)["certificateArn"]
    writes = estate.writes()
    estate.new = estate.version("shop.example.com", key=ec.generate_private_key(ec.SECP384R1()))
    outcome = deploy(aws_api_domain, estate)
    assert (outcome.state, outcome.step) == ("failed", "plan") and estate.writes() == writes
    assert "CloudFront, which serves it, takes no key of type ecdsa-p384" in outcome.message
    regional = RestDomain(aws, tmp_path / "regional")
    regional.new = regional.version("shop.example.com", key=ec.generate_private_key(ec.SECP384R1()))
    assert deploy(aws_api_domain, regional).state == "done"


def test_a_distribution_that_somebody_changed_meanwhile_keeps_their_change(aws, tmp_path, monkeypatch):
    estate = CloudFront(aws, tmp_path)
    stock, changed = distributions.configuration, []

    def read_and_then_somebody_changes(client, name):
        config, etag = stock(client, name)
        if len(changed) == 1:  # after the read, before the write
            answer = estate.config()
            theirs = {**answer["DistributionConfig"], "Comment": "theirs"}
            aws.client("cloudfront").update_distribution(DistributionConfig=theirs, Id=estate.id, IfMatch=answer["ETag"])
        changed.append(etag)
        return config, etag

    monkeypatch.setattr(distributions, "configuration", read_and_then_somebody_changes)
    assert deploy(aws_cloudfront_distribution, estate).state == "done"
    assert estate.config()["DistributionConfig"]["Comment"] == "theirs" and len(changed) == 3


def test_a_certificate_of_iam_is_uploaded_once_and_waited_for_until_the_load_balancer_knows_it(aws, tmp_path):
    estate = ClassicIam(aws, tmp_path)
    aws.faults({"match": "elasticloadbalancing:SetLoadBalancerListenerSSLCertificate", "times": 2, "code": "CertificateNotFound"})
    assert deploy(aws_elb_listener, estate).state == "done" and aws.calls()["iam:UploadServerCertificate"] == 1
    (row,) = aws.client("elb").describe_load_balancers(LoadBalancerNames=[estate.name])["LoadBalancerDescriptions"]
    arn = row["ListenerDescriptions"][0]["Listener"]["SSLCertificateId"]
    assert arn.endswith(f":server-certificate/shop-{estate.new.sha256[:16]}")
    assert deploy(aws_elb_listener, estate).state == "unchanged"
    aws.forget_calls()
    estate.new = estate.old
    assert deploy(aws_elb_listener, estate).state == "done" and aws.calls()["iam:UploadServerCertificate"] == 1


def test_what_lies_in_iam_is_found_by_its_name_and_stays_while_a_load_balancer_uses_it(aws, tmp_path):
    estate = ClassicIam(aws, tmp_path)
    assert deploy(aws_elb_listener, estate).state == "done"
    target = aws_elb_listener.create(QUICK, estate.now)
    (ref,) = target.copies(estate.where, {estate.old.sha256, estate.new.sha256})
    with pytest.raises(InUseError, match="is currently in use by"):
        target.drop(estate.where, ref)
    first, estate.new = estate.new, estate.version("shop.example.com")
    assert deploy(aws_elb_listener, estate).state == "done"
    target.drop(estate.where, ref)
    assert target.copies(estate.where, {first.sha256}) == {}
