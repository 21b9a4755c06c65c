# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in the emulator's listeners and imports, with and without the patches."""

from __future__ import annotations

import contextlib

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def world(lab):
    """A load balancer with a default and one SNI certificate, and one more certificate."""
    server, mended = lab
    server.reset()
    arns = [server.hold(f"{name}.example.com")[0] for name in "abc"]
    return server, mended, arns, server.listener("shop", arns[0], arns[1:2])


def refused(call, **arguments):
    """The code that AWS refuses the call with, empty when it takes it."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def listed(server, listener):
    rows = server.client("elbv2").describe_listener_certificates(ListenerArn=listener)["Certificates"]
    return [one["CertificateArn"] for one in rows]


def test_modifying_the_default_leaves_the_list_alone(world):
    server, mended, (default, sni, new), listener = world
    elb = server.client("elbv2")
    elb.modify_listener(ListenerArn=listener, Certificates=[{"CertificateArn": new}])
    assert (listed(server, listener) == [new, sni]) is mended
    two = [{"CertificateArn": default}, {"CertificateArn": sni}]
    assert (refused(elb.modify_listener, ListenerArn=listener, Certificates=two) != "") is mended


def test_the_list_is_a_set_of_what_exists(world):
    server, mended, (_default, sni, _new), listener = world
    elb = server.client("elbv2")
    elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": sni}])
    assert (listed(server, listener).count(sni) == 1) is mended
    gone = [{"CertificateArn": f"{sni}0"}]
    assert (refused(elb.add_listener_certificates, ListenerArn=listener, Certificates=gone) == "CertificateNotFound") is mended


def test_the_default_is_not_removed(world):
    server, mended, (default, _sni, _new), listener = world
    elb = server.client("elbv2")
    over = [{"CertificateArn": default}]
    assert (refused(elb.remove_listener_certificates, ListenerArn=listener, Certificates=over) == "OperationNotPermitted") is mended
    assert (default in listed(server, listener)) is mended


def test_an_import_that_does_not_fit_is_refused(world):
    server, mended, (default, _sni, _new), _listener = world
    acm, one, other = server.client("acm"), server.ca.issue(["a.example.com"]), server.ca.issue(["b.example.com"])
    chain = one.fullchain.removeprefix(one.leaf_pem)
    good = {"Certificate": one.leaf_pem, "PrivateKey": one.key_pem, "CertificateChain": chain}
    tags = [{"Key": "a", "Value": "b"}]
    for wrong in ({"PrivateKey": other.key_pem}, {"CertificateChain": server.ca.root_pem}, {"CertificateArn": default, "Tags": tags}):
        assert (refused(acm.import_certificate, **{**good, **wrong}) == "ValidationException") is mended, wrong
    acm.add_tags_to_certificate(CertificateArn=default, Tags=tags)
    acm.import_certificate(CertificateArn=default, **good)
    assert (acm.list_tags_for_certificate(CertificateArn=default)["Tags"] == tags) is mended


def test_what_is_in_use_is_not_deleted(world):
    server, mended, (_default, sni, new), _listener = world
    acm = server.client("acm")
    assert (refused(acm.delete_certificate, CertificateArn=sni) == "ResourceInUseException") is mended
    with contextlib.suppress(ClientError):
        acm.delete_certificate(CertificateArn=new)
    assert refused(acm.describe_certificate, CertificateArn=new) == "ResourceNotFoundException"
