# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends where the emulator enforces policies, with and without the patches."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.lab.aws_places import classic


@pytest.fixture
def allowed(lab):
    """Clients of a user who may do these actions and no more."""
    server, _mended = lab
    server.reset()

    def clients(*actions):
        found = server.enforce({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})
        keys = {"aws_access_key_id": found["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": found["AWS_SECRET_ACCESS_KEY"]}
        return lambda service: boto3.session.Session(**keys).client(service, region_name=REGION, endpoint_url=server.url)

    yield clients
    server.reset()


def refusal(call, **arguments):
    """Code and message, empty when nothing was refused."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return ()


def test_a_call_without_a_body_is_allowed_by_its_method_and_tags_by_their_own_name(lab, allowed):
    client = allowed("apigateway:GET", "tag:GetResources")
    assert (refusal(client("apigateway").get_domain_names) == ()) is lab[1]
    assert (refusal(client("resourcegroupstaggingapi").get_resources) == ()) is lab[1]


def test_what_is_tagged_when_it_is_made_needs_the_right_to_tag(lab, allowed):
    server, mended = lab
    issued = server.ca.issue(["a.example.com"])
    leaf, end, chain = issued.fullchain.partition("-----END CERTIFICATE-----\n")
    body = {"Certificate": leaf + end, "PrivateKey": issued.key_pem, **({"CertificateChain": chain} if chain.strip() else {})}
    acm = allowed("acm:ImportCertificate")("acm")
    assert refusal(acm.import_certificate, **body) == ()
    assert ("acm:AddTagsToCertificate" in str(refusal(acm.import_certificate, **body, Tags=[{"Key": "a", "Value": "b"}]))) is mended


def test_a_secret_with_a_key_of_its_own_needs_the_key(lab, allowed):
    server, mended = lab
    server.client("secretsmanager").create_secret(Name="a", SecretString="b", KmsKeyId="alias/mine")
    secrets = allowed("secretsmanager:*")("secretsmanager")
    assert ("kms:Decrypt" in str(refusal(secrets.get_secret_value, SecretId="a"))) is mended
    assert (
        "kms:GenerateDataKey"
        in str(
            refusal(
                allowed("secretsmanager:*", "kms:Decrypt")("secretsmanager").create_secret,
                Name="c",
                SecretString="d",
                KmsKeyId="alias/mine",
            )
        )
    ) is mended


@pytest.mark.parametrize("service", ["acm", "route53"])
def test_a_refusal_has_the_code_of_the_service_and_names_the_action(lab, allowed, service):
    client = allowed("iam:GetUser")(service)
    calls = {"acm": ("list_certificates", "AccessDeniedException"), "route53": ("list_hosted_zones", "AccessDenied")}
    name, code = calls[service]
    assert (refusal(getattr(client, name))[0] == code) is lab[1]


def test_a_server_certificate_in_use_is_not_deleted(lab):
    server, mended = lab
    server.reset()
    iam, issued = server.client("iam"), server.ca.issue(["a.example.com"])
    made = iam.upload_server_certificate(ServerCertificateName="a", CertificateBody=issued.leaf_pem, PrivateKey=issued.key_pem)
    classic(server, "old", made["ServerCertificateMetadata"]["Arn"])
    assert (refusal(iam.delete_server_certificate, ServerCertificateName="a")[:1] == ("DeleteConflict",)) is mended
