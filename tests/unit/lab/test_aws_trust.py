# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab adds to the emulator for trust stores: load balancers, API Gateway and CloudFront, with and without the patches."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from ansible_collections.certops.clm.tests.lab.anchors import anchor, revocation_list
from ansible_collections.certops.clm.tests.lab.aws_places import distribution, http_domain, rest_domain
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, EAST, ApiPlace, bucket, hashes_of
from ansible_collections.certops.clm.tests.lab.ca import pem_of

NONE = "InternalFailure"  # what the emulator answers for an operation that it does not have


def said(call, **arguments):
    """The code that the call is refused with, empty when it is taken."""
    try:
        call(**arguments)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        return NONE if code.isdigit() else code
    except ResponseParserError:  # a page for people
        return NONE
    return ""


@pytest.fixture
def world(lab):
    """A bucket with two bundles, each a version of one object, and the versions."""
    server, mended = lab
    server.reset()
    bucket(server, BUCKET)
    authority = anchor("lab one")
    bodies = [pem_of(authority[1]), pem_of(authority[1], anchor("lab two")[1])]
    versions = [server.client("s3").put_object(Bucket=BUCKET, Key="ca.pem", Body=body.encode())["VersionId"] for body in bodies]
    return server, mended, authority, versions


def taken(version=None, key="ca.pem"):
    place = {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": key}
    return {**place, "CaCertificatesBundleS3ObjectVersion": version} if version else place


def given(answer):
    with urllib.request.urlopen(answer["Location"], timeout=10) as stream:
        return stream.read()


def test_a_trust_store_takes_a_version_of_a_bundle_and_refuses_what_is_none(world):
    server, mended, _authority, versions = world
    elb, s3 = server.client("elbv2"), server.client("s3")
    if not mended:
        assert said(elb.create_trust_store, Name="clients", **taken(versions[0])) == NONE
        return
    refusals = {
        "text.pem": "InvalidCaCertificatesBundle",
        "blank.pem": "InvalidCaCertificatesBundle",
        "many.pem": "InvalidCaCertificatesBundle",
        "gone.pem": "CaCertificatesBundleNotFound",
    }
    s3.put_object(Bucket=BUCKET, Key="text.pem", Body=b"nothing")
    s3.put_object(Bucket=BUCKET, Key="blank.pem", Body="\n".join(pem_of(anchor(name)[1]) for name in "ab").encode())
    s3.put_object(Bucket=BUCKET, Key="many.pem", Body=pem_of(*[anchor("many")[1] for _number in range(26)]).encode())
    for key, code in refusals.items():
        assert said(elb.create_trust_store, Name="clients", **taken(key=key)) == code
    assert said(elb.create_trust_store, Name="clients", **taken(versions[0])) == ""
    assert said(elb.create_trust_store, Name="clients", **taken(versions[0])) == "DuplicateTrustStoreName"
    states = [elb.describe_trust_stores(Names=["clients"])["TrustStores"][0] for _look in range(2)]
    assert [one["Status"] for one in states] == ["CREATING", "ACTIVE"] and states[0]["NumberOfCaCertificates"] == 1
    arn = states[0]["TrustStoreArn"]
    assert len(hashes_of(given(elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)))) == 1, "not the newest version of the object"
    elb.modify_trust_store(TrustStoreArn=arn, **taken())
    s3.put_object(Bucket=BUCKET, Key="ca.pem", Body=b"nothing")
    assert len(hashes_of(given(elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)))) == 2, "a copy of its own"
    assert said(elb.modify_trust_store, TrustStoreArn=f"{arn}0", **taken(versions[0])) == "TrustStoreNotFound"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{server.url}/_given/nobody", timeout=10)


def test_a_listener_verifies_by_a_trust_store_that_is_there_and_then_in_use(world):
    server, mended, _authority, versions = world
    elb = server.client("elbv2")
    arn = server.hold("a.example.com")[0]
    listener = server.listener("shop", arn)
    verify = {"Mode": "verify", "TrustStoreArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:truststore/no/0"}
    assert (said(elb.modify_listener, ListenerArn=listener, MutualAuthentication=verify) == "TrustStoreNotFound") is mended
    if not mended:
        assert "MutualAuthentication" not in elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]
        return
    elb.create_trust_store(Name="clients", **taken(versions[0]))
    verify["TrustStoreArn"] = elb.describe_trust_stores()["TrustStores"][0]["TrustStoreArn"]
    elb.modify_listener(ListenerArn=listener, MutualAuthentication=verify)
    (row,) = elb.describe_listeners(ListenerArns=[listener])["Listeners"]
    assert row["MutualAuthentication"]["TrustStoreArn"] == verify["TrustStoreArn"] and row["Certificates"][0]["CertificateArn"] == arn
    (used,) = elb.describe_trust_store_associations(TrustStoreArn=verify["TrustStoreArn"])["TrustStoreAssociations"]
    assert used["ResourceArn"] == listener
    assert said(elb.delete_trust_store, TrustStoreArn=verify["TrustStoreArn"]) == "TrustStoreInUse"
    elb.modify_listener(ListenerArn=listener, MutualAuthentication={"Mode": "off"})
    assert said(elb.delete_trust_store, TrustStoreArn=verify["TrustStoreArn"]) == ""
    assert said(elb.describe_trust_stores, Names=["clients"]) == "TrustStoreNotFound"


def test_revocation_lists_have_ids_and_are_given_back(world):
    server, mended, authority, versions = world
    elb, s3 = server.client("elbv2"), server.client("s3")
    crl = revocation_list(authority, [1, 2]).encode()
    s3.put_object(Bucket=BUCKET, Key="one.crl", Body=crl)
    s3.put_object(Bucket=BUCKET, Key="text.crl", Body=b"nothing")
    arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:truststore/clients/0"
    contents = [{"S3Bucket": BUCKET, "S3Key": key, "RevocationType": "CRL"} for key in ("one.crl", "text.crl", "gone.crl")]
    add = elb.add_trust_store_revocations
    assert said(add, TrustStoreArn=arn, RevocationContents=contents[:1]) == ("TrustStoreNotFound" if mended else NONE)
    if not mended:
        return
    arn = elb.create_trust_store(Name="clients", **taken(versions[0]))["TrustStores"][0]["TrustStoreArn"]
    (row,) = add(TrustStoreArn=arn, RevocationContents=contents[:1])["TrustStoreRevocations"]
    assert (row["RevocationId"], row["NumberOfRevokedEntries"]) == (1, 2)
    assert said(add, TrustStoreArn=arn, RevocationContents=contents[1:2]) == "InvalidRevocationContent"
    assert said(add, TrustStoreArn=arn, RevocationContents=contents[2:]) == "RevocationContentNotFound"
    add(TrustStoreArn=arn, RevocationContents=contents[:1] * 29)
    assert said(add, TrustStoreArn=arn, RevocationContents=contents[:1]) == "TooManyTrustStoreRevocationEntries"
    page = elb.describe_trust_store_revocations(TrustStoreArn=arn, PageSize=20)
    assert len(page["TrustStoreRevocations"]) == 20 and page["NextMarker"]
    assert given(elb.get_trust_store_revocation_content(TrustStoreArn=arn, RevocationId=1)) == crl
    elb.remove_trust_store_revocations(TrustStoreArn=arn, RevocationIds=[1])
    assert said(elb.get_trust_store_revocation_content, TrustStoreArn=arn, RevocationId=1) == "RevocationIdNotFound"
    assert elb.describe_trust_stores(Names=["clients"])["TrustStores"][0]["TotalRevokedEntries"] == 58


def test_a_regional_domain_name_takes_a_version_of_a_bundle_that_is_there(world):
    server, mended, _authority, versions = world
    rest, http = server.client("apigateway"), server.client("apigatewayv2")
    arn = server.hold("a.example.com")[0]
    rest_domain(server, "rest.example.com", arn)
    http_domain(server, "http.example.com", arn)
    uri = {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": f"s3://{BUCKET}/ca.pem"}
    version = {"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": versions[0]}
    change = {"domainName": "rest.example.com", "patchOperations": [uri, version]}
    taken = {"TruststoreUri": uri["value"], "TruststoreVersion": versions[1]}
    if not mended:
        assert said(rest.update_domain_name, **change) == NONE
        assert said(http.update_domain_name, DomainName="http.example.com", MutualTlsAuthentication=taken) == NONE
        return
    assert rest.update_domain_name(**change)["domainNameStatus"] == "UPDATING"
    looks = [rest.get_domain_name(domainName="rest.example.com") for _look in range(2)]
    assert [one["domainNameStatus"] for one in looks] == ["UPDATING", "AVAILABLE"]
    assert looks[1]["mutualTlsAuthentication"] == {"truststoreUri": uri["value"], "truststoreVersion": versions[0]}
    rest_domain(server, "edge.example.com", server.hold("edge.example.com", region=EAST)[0], edge=True)
    wrong = [{**version, "value": "never"}, {**uri, "value": f"s3://{BUCKET}/gone.pem"}]
    for one in wrong:
        assert said(rest.update_domain_name, domainName="rest.example.com", patchOperations=[uri, one]) == "BadRequestException"
    assert said(rest.update_domain_name, domainName="edge.example.com", patchOperations=[uri]) == "BadRequestException"
    http.update_domain_name(DomainName="http.example.com", MutualTlsAuthentication=taken)
    found = http.get_domain_name(DomainName="http.example.com")
    assert found["MutualTlsAuthentication"]["TruststoreVersion"] == versions[1]
    assert found["DomainNameConfigurations"][0]["CertificateArn"] == arn, "the certificate stays"
    gone = {**taken, "TruststoreVersion": "never"}
    assert said(http.update_domain_name, DomainName="http.example.com", MutualTlsAuthentication=gone) == "BadRequestException"
    rest.update_domain_name(domainName="rest.example.com", patchOperations=[{**uri, "value": ""}])
    http.update_domain_name(DomainName="http.example.com", MutualTlsAuthentication={"TruststoreUri": ""})
    assert "mutualTlsAuthentication" not in rest.get_domain_name(domainName="rest.example.com")
    assert not http.get_domain_name(DomainName="http.example.com").get("MutualTlsAuthentication")


def test_api_gateway_warns_of_certificates_that_are_expired(world):
    server, mended, authority, _versions = world
    if mended:
        place = ApiPlace(server, "rest", "warned.example.com")
        body = pem_of(authority[1], anchor("lab old", days=-3)[1]).encode()
        place.take(f"s3://{BUCKET}/old.pem", server.client("s3").put_object(Bucket=BUCKET, Key="old.pem", Body=body)["VersionId"])
        (warning,) = place.mutual["truststoreWarnings"]
        assert "lab old" in warning


def test_cloudfront_takes_a_bundle_once_against_the_etag(world):
    server, mended, _authority, versions = world
    cloudfront, s3 = server.client("cloudfront"), server.client("s3")
    place = {"Bucket": BUCKET, "Key": "ca.pem", "Region": "eu-central-1", "Version": versions[0]}
    create = {"Name": "viewers", "CaCertificatesBundleSource": {"CaCertificatesBundleS3Location": place}}
    if not mended:
        assert said(cloudfront.create_trust_store, **create) == NONE
        return
    made = cloudfront.create_trust_store(**create)
    assert made["TrustStore"]["Status"] == "pending" and made["TrustStore"]["NumberOfCaCertificates"] == 1
    assert said(cloudfront.create_trust_store, **create) == "EntityAlreadyExists"
    number, etag = made["TrustStore"]["Id"], made["ETag"]
    found = [cloudfront.get_trust_store(Identifier=number) for _look in range(2)][-1]
    assert found["TrustStore"]["Status"] == "active" and found["ETag"] == etag
    change = {"Id": number, "CaCertificatesBundleSource": {"CaCertificatesBundleS3Location": {**place, "Version": versions[1]}}}
    changed = cloudfront.update_trust_store(IfMatch=etag, **change)
    assert changed["ETag"] != etag and changed["TrustStore"]["NumberOfCaCertificates"] == 2
    assert said(cloudfront.update_trust_store, IfMatch=etag, **change) == "PreconditionFailed"
    s3.put_object(Bucket=BUCKET, Key="blank.pem", Body=pem_of(anchor("a")[1]).encode() + b"\n" + pem_of(anchor("b")[1]).encode())
    for key in ("gone.pem", "blank.pem"):
        change["CaCertificatesBundleSource"]["CaCertificatesBundleS3Location"] = {"Bucket": BUCKET, "Key": key, "Region": "eu-central-1"}
        assert said(cloudfront.update_trust_store, IfMatch=changed["ETag"], **change) == "InvalidArgument"
    (row,) = cloudfront.list_trust_stores()["TrustStoreList"]
    assert row["ETag"] == changed["ETag"] and said(cloudfront.delete_trust_store, Id=number, IfMatch=etag) == "PreconditionFailed"
    assert said(cloudfront.delete_trust_store, Id=number, IfMatch=row["ETag"]) == ""
    assert said(cloudfront.get_trust_store, Identifier=number) == "EntityNotFound"


def test_a_distribution_verifies_by_a_trust_store_that_is_there_and_then_in_use(world):
    server, mended, _authority, versions = world
    cloudfront = server.client("cloudfront")
    name = distribution(server, "shop.example.com", server.hold("shop.example.com", region=EAST)[0])

    def verify(number):
        found = cloudfront.get_distribution_config(Id=name)
        config = {**found["DistributionConfig"], "ViewerMtlsConfig": {"Mode": "required", "TrustStoreConfig": {"TrustStoreId": number}}}
        return said(cloudfront.update_distribution, DistributionConfig=config, Id=name, IfMatch=found["ETag"])

    assert (verify("ts_gone") == "InvalidArgument") is mended
    if not mended:
        assert said(cloudfront.list_distributions_by_trust_store, TrustStoreIdentifier="ts_gone") == NONE
        return
    place = {"Bucket": BUCKET, "Key": "ca.pem", "Region": "eu-central-1", "Version": versions[0]}
    made = cloudfront.create_trust_store(Name="viewers", CaCertificatesBundleSource={"CaCertificatesBundleS3Location": place})
    number, delete = made["TrustStore"]["Id"], {"Id": made["TrustStore"]["Id"], "IfMatch": made["ETag"]}
    assert "Items" not in cloudfront.list_distributions_by_trust_store(TrustStoreIdentifier=number)["DistributionList"]
    assert verify(number) == ""
    (used,) = cloudfront.list_distributions_by_trust_store(TrustStoreIdentifier=number)["DistributionList"]["Items"]
    assert used["Id"] == name and said(cloudfront.delete_trust_store, **delete) == "CannotDeleteEntityWhileInUse"
