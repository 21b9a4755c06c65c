# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends where the emulator binds certificates, with and without the patches."""

from __future__ import annotations

from botocore.exceptions import ClientError

from ansible_collections.certops.clm.tests.lab.aws_places import classic, distribution, http_domain, rest_domain


def refused(call, **arguments):
    """The code that AWS refuses the call with, empty when it takes it."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_a_classic_listener_keeps_its_certificate_when_the_new_one_is_not_there(lab):
    server, mended = lab
    server.reset()
    arn = server.hold("a.example.com")[0]
    classic(server, "old", arn)
    elb = server.client("elb")
    refused(elb.set_load_balancer_listener_ssl_certificate, LoadBalancerName="old", LoadBalancerPort=443, SSLCertificateId=f"{arn}0")
    (row,) = elb.describe_load_balancers(LoadBalancerNames=["old"])["LoadBalancerDescriptions"]
    assert (row["ListenerDescriptions"][0]["Listener"]["SSLCertificateId"] == arn) is mended
    users = server.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"]
    assert any(one.endswith("loadbalancer/old") for one in users) is mended


def test_a_distribution_is_changed_against_its_etag_with_certificates_of_its_region(lab):
    server, mended = lab
    server.reset()
    number = distribution(server, "a.example.com", server.hold("a.example.com", region="us-east-1")[0])
    cloudfront, west = server.client("cloudfront"), server.hold("a.example.com")[0]
    first = cloudfront.get_distribution_config(Id=number)
    change = {"Id": number, "DistributionConfig": first["DistributionConfig"]}
    assert refused(cloudfront.update_distribution, IfMatch=first["ETag"], **change) == ""
    assert (refused(cloudfront.update_distribution, IfMatch=first["ETag"], **change) == "PreconditionFailed") is mended
    change["DistributionConfig"]["ViewerCertificate"]["ACMCertificateArn"] = west
    latest = cloudfront.get_distribution_config(Id=number)["ETag"]
    assert (refused(cloudfront.update_distribution, IfMatch=latest, **change) == "InvalidViewerCertificate") is mended


def test_domain_names_are_updated(lab):
    server, mended = lab
    server.reset()
    old, new = server.hold("a.example.com")[0], server.hold("a.example.com")[0]
    rest_domain(server, "a.example.com", old)
    http_domain(server, "b.example.com", old)
    rest, http = server.client("apigateway"), server.client("apigatewayv2")
    patch = [{"op": "replace", "path": "/regionalCertificateArn", "value": new}]
    refused(rest.update_domain_name, domainName="a.example.com", patchOperations=patch)
    assert (rest.get_domain_name(domainName="a.example.com")["regionalCertificateArn"] == new) is mended
    refused(http.update_domain_name, DomainName="b.example.com", DomainNameConfigurations=[{"CertificateArn": new}])
    (setting,) = http.get_domain_name(DomainName="b.example.com")["DomainNameConfigurations"]
    assert (setting["CertificateArn"] == new) is mended
    users = server.client("acm").describe_certificate(CertificateArn=new)["Certificate"]["InUseBy"]
    assert bool([one for one in users if "domainnames" in one]) is mended
