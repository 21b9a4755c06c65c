# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab adds to the emulator's load balancers for trust stores, with and without the patches."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from ansible_collections.certops.clm.tests.lab.anchors import anchor, revocation_list
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, bucket, hashes_of
from ansible_collections.certops.clm.tests.lab.ca import pem_of

NONE = "InternalFailure"  # what the emulator answers for an operation that it does not have


def said(call, **arguments):
    """The code that the call is refused with, empty when it is taken."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except ResponseParserError:  # a page of its own for people
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
        "many.pem": "InvalidCaCertificatesBundle",
        "gone.pem": "CaCertificatesBundleNotFound",
    }
    s3.put_object(Bucket=BUCKET, Key="text.pem", Body=b"nothing")
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
