# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `aws_certificates` against the lab's emulator (tier B): everything found, few calls, and nothing hidden by a failure."""

from __future__ import annotations

import os
from contextlib import contextmanager
from unittest import mock

import boto3
import pytest

from ansible_collections.certops.clm.plugins.module_utils import edge
from ansible_collections.certops.clm.plugins.module_utils.flows.look_source import look
from ansible_collections.certops.clm.plugins.module_utils.sources import aws_certificates
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.tests.lab.aws import REGION, emulator
from ansible_collections.certops.clm.tests.lab.aws_places import classic
from ansible_collections.certops.clm.tests.lab.private_ca import private_ca
from ansible_collections.certops.clm.tests.unit.contracts.source import SourceContract

ROLE = "arn:aws:iam::{}:role/clm"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


@pytest.fixture
def lab(server):
    server.reset()
    with mock.patch.dict(os.environ, server.environment):
        yield server


def find(**options):
    return list(aws_certificates.create({"regions": [REGION], **options}, None).find())


class TestAws(SourceContract):
    provider = aws_certificates
    wrong = ({"services": ["ec2"]}, {"concurrency": 0}, {"regions": "eu-central-1"}, {"role_arns": "x"})

    @pytest.fixture(autouse=True)
    def _lab(self, lab):
        self.lab = lab

    @contextmanager
    def good(self, folder):
        first, one = self.lab.hold("shop.example.com")
        second, two = self.lab.hold("api.example.com")
        _unused, three = self.lab.hold("old.example.com")
        self.lab.listener("shop", first, [second])
        yield {"regions": [REGION]}, {one.sha256, two.sha256, three.sha256}

    def blind(self, folder):
        self.lab.faults({"match": "*", "share": 1, "code": "AccessDenied"})
        return {"regions": [REGION]}


def test_every_place_with_its_slot_owner_and_certificate(lab):
    default, issued = lab.hold("shop.example.com", tags={"Owner": "team-shop", "service": "cert-tag"})
    sni, other = lab.hold("api.example.com")
    lab.listener("shop", default, [sni], tags={"service": "checkout"})
    found = {one.where.get("slot"): one for one in find()}
    assert set(found) == {"default", "sni"}
    shop = found["default"]
    assert shop.where["labels"] == {"service": "checkout", "owner": "team-shop"} and shop.where["bound"] is True
    assert (shop.where["certificate_arn"], shop.where["account"], shop.where["region"]) == (default, "123456789012", REGION)
    assert found["sni"].where["certificate_arn"] == sni and len(shop.chain_der) == len(issued.fullchain.split("BEGIN")) - 1
    assert not shop.error and other.sha256


def test_unused_certificates_and_those_of_unlisted_services_are_told_apart(lab):
    used, _issued = lab.hold("shop.example.com")
    unused, _issued = lab.hold("old.example.com")
    lab.listener("shop", used)
    found = {one.where["certificate_arn"]: one.where["bound"] for one in find(services=["cloudfront"])}
    assert found == {used: True, unused: False}


def test_classic_balancers_cloudfront_and_api_domains(lab):
    classic, _one = lab.hold("classic.example.com")
    api, _two = lab.hold("api.example.com", region="us-east-1")
    regional, _four = lab.hold("ws.example.com")
    cdn, _three = lab.hold("cdn.example.com", region="us-east-1")
    listener = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstancePort": 80, "SSLCertificateId": classic}
    lab.client("elb").create_load_balancer(LoadBalancerName="old", Listeners=[listener], AvailabilityZones=[f"{REGION}a"])
    lab.client("apigateway").create_domain_name(domainName="api.example.com", certificateArn=api)
    lab.client("apigatewayv2").create_domain_name(DomainName="ws.example.com", DomainNameConfigurations=[{"CertificateArn": regional}])
    custom = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    origin = {"Id": "o", "DomainName": "origin.example.com", "CustomOriginConfig": custom}
    forwarded = {"QueryString": False, "Cookies": {"Forward": "none"}}
    behaviour = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "MinTTL": 0, "ForwardedValues": forwarded}
    viewer = {"ACMCertificateArn": cdn, "SSLSupportMethod": "sni-only"}
    config = {"CallerReference": "1", "Comment": "", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]}}
    config.update(DefaultCacheBehavior=behaviour, ViewerCertificate=viewer)
    lab.client("cloudfront").create_distribution(DistributionConfig=config)
    found = {one.where["service"]: one for one in find()}
    expected = {"elb": classic, "apigateway": api, "apigatewayv2": regional, "cloudfront": cdn}
    assert {name: one.where["certificate_arn"] for name, one in found.items()} == expected
    assert all(one.chain_der and one.where["bound"] for one in found.values())


def test_certificates_of_private_cas_and_of_iam(lab, tmp_path):
    issuing = private_ca(lab)
    waiting = private_ca(lab, active=False)
    issued = lab.ca.issue(["iam.example.com"])
    body = {"CertificateBody": issued.leaf_pem, "PrivateKey": issued.key_pem}
    kept = lab.client("iam").upload_server_certificate(ServerCertificateName="kept", **body)["ServerCertificateMetadata"]["Arn"]
    used = lab.client("iam").upload_server_certificate(ServerCertificateName="used", **body)["ServerCertificateMetadata"]["Arn"]
    classic(lab, "old", used)
    whole, _issued = lab.hold("whole.example.com")
    source = aws_certificates.create({"regions": [REGION], "cache_file": str(tmp_path / "c.json")}, None)
    rows = look(source, [Bundle.parse(lab.ca.root_pem)], edge.utc_now)
    found = {row["where"]["certificate_arn"]: row for row in rows["certificates"]}
    assert found[issuing]["issuer"] == "CN=lab root,O=Lab" and found[issuing]["chain_length"] == 2 and found[issuing]["findings"] == []
    where = found[issuing]["where"]
    assert (where["service"], where["type"], where["authority"], where["bound"]) == ("acm-pca", "SUBORDINATE", True, True)
    assert "PENDING_CERTIFICATE and has no bytes yet" in found[waiting]["error"]
    assert found[kept]["where"]["bound"] is None and found[used]["where"]["service"] == "elb" and found[whole]["findings"] == ["unused"]
    assert found[used]["findings"] == ["no_path"] and found[used]["chain_length"] == 1 and found[used]["path_problems"], "without its chain"
    lab.forget_calls()
    find(cache_file=str(tmp_path / "c.json"))
    calls = lab.calls()
    assert calls["acm-pca:ListCertificateAuthorities"] == 1 and "acm-pca:GetCertificateAuthorityCertificate" not in calls
    assert not [one for one in find(services=["elb"]) if one.where["service"] == "acm-pca"]


def test_many_certificates_cost_pages_and_one_read_each_and_no_read_the_second_time(lab, tmp_path):
    arns = [lab.hold(f"n{number}.example.com")[0] for number in range(12)]
    lab.listener("shop", arns[0], arns[1:6])
    lab.forget_calls()
    options = {"services": ["elbv2"], "cache_file": str(tmp_path / "known.json")}
    assert len(find(**options)) == 12
    calls = lab.calls()
    assert calls["acm:GetCertificate"] == 12 and calls["acm:ListCertificates"] == 1 and calls["tagging:GetResources"] == 1
    assert calls["elasticloadbalancing:DescribeListeners"] == 1 and calls["elasticloadbalancing:DescribeListenerCertificates"] == 1
    lab.forget_calls()
    assert len(find(**options)) == 12 and "acm:GetCertificate" not in lab.calls()


def test_a_region_that_refuses_hides_no_other_and_is_named(lab):
    lab.listener("shop", lab.hold("shop.example.com")[0])
    lab.faults({"match": "elasticloadbalancing:DescribeLoadBalancers", "share": 1, "code": "AccessDenied"})
    found = find()
    blind = [one for one in found if one.where.get("answer") == "could_not_look"]
    assert {one.where["service"] for one in blind} == {"elb", "elbv2"} and all(REGION in one.where["label"] for one in blind)
    assert "Least privilege" in blind[0].error and "DescribeLoadBalancers" in blind[0].error
    (seen,) = [one for one in found if one not in blind]
    assert seen.where["bound"] is True, "ACM says that it is in use, although nobody could see where"


def test_throttling_at_a_third_of_the_calls_is_waited_out(lab):
    for number in range(6):
        lab.hold(f"n{number}.example.com")
    lab.faults({"match": "*", "share": 0.3, "code": "ThrottlingException"})
    assert len([one for one in find() if one.chain_der]) == 6


def test_an_account_that_cannot_be_assumed_is_a_finding_and_the_others_are_seen(lab):
    lab.faults({"match": "sts:AssumeRole", "times": 1, "code": "AccessDenied"})
    lab.hold("shop.example.com")
    found = find(role_arns=[ROLE.format("111111111111"), ROLE.format("123456789012")], services=["elbv2"])
    assert [one.where["account"] for one in found if one.where.get("answer")] == ["111111111111"]
    assert [one.where["account"] for one in found if one.chain_der] == ["123456789012"]


def test_every_account_of_an_organization_is_seen_and_one_that_refuses_is_named(lab):
    lab.client("organizations").create_organization(FeatureSet="ALL")
    account = lab.client("organizations").create_account(AccountName="shop", Email="shop@example.com")["CreateAccountStatus"]["AccountId"]
    lab.hold("shop.example.com")
    given = lab.client("sts").assume_role(RoleArn=ROLE.format(account), RoleSessionName="theirs")["Credentials"]
    keys = {"aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"]}
    session = boto3.session.Session(**keys, aws_session_token=given["SessionToken"])
    issued = lab.ca.issue(["theirs.example.com"])
    leaf, end, chain = issued.fullchain.partition("-----END CERTIFICATE-----\n")
    theirs = session.client("acm", region_name=REGION, endpoint_url=lab.url)
    theirs.import_certificate(Certificate=leaf + end, PrivateKey=issued.key_pem, CertificateChain=chain)
    found = {one.where["account"]: one for one in find(organization_role="clm", services=["elbv2"])}
    assert set(found) == {"123456789012", account} and pem.sha256(found[account].chain_der[0]) == issued.sha256
    accounts = [one["Id"] for one in lab.client("organizations").list_accounts()["Accounts"]]
    assert sorted(accounts) == sorted(["123456789012", account])
    for refused in accounts:
        lab.faults({"match": "sts:AssumeRole", "after": accounts.index(refused), "times": 1, "code": "AccessDenied"})
        found = find(organization_role="clm", services=["elbv2"])
        blind = [one.where["account"] for one in found if one.where.get("answer")]
        assert blind == ([account] if refused == account else []), "the account that manages it has no such role, and is listed by itself"
        assert len([one for one in found if one.chain_der]) == 2 - len(blind)







def test_what_is_served_but_was_never_in_acm_is_said(lab):
    arn = "arn:aws:iam::123456789012:server-certificate/gone"
    lab.listener("shop", arn)
    (found,) = find(services=["elbv2"])
    assert arn in found.error and "was not found in ACM or IAM" in found.error and found.where["bound"] is True


def test_without_credentials_the_message_says_what_to_do(lab):
    with mock.patch.dict(os.environ, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}):
        with pytest.raises(Exception, match="no AWS credentials were found"):
            find()
