# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of discovery, in one account, by roles, and in an organization."""

from __future__ import annotations

import json

from ansible_collections.certops.clm.plugins.module_utils.sources import aws_certificates
from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.lab.aws_places import NAME, classic, distribution, http_domain
from ansible_collections.certops.clm.tests.lab.private_ca import private_ca
from ansible_collections.certops.clm.tests.unit.rights.drill import tried

ROLE = "certificate-reader"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
READER = next(iter(aws_certificates.RIGHTS.values()))


def looking(**options):
    """Everything is seen."""

    def run():
        found = []
        problems = tried(lambda: found.extend(aws_certificates.create({"regions": [REGION], **options}, None).find()))
        assert problems or found
        return [*problems, *(one.error for one in found if one.error)]

    return run


def account(aws, folder):
    """Something in every service."""
    arn, east = aws.hold(NAME)[0], aws.hold(NAME, region="us-east-1")[0]
    aws.listener("shop", arn, [aws.hold("api.example.com")[0]])
    classic(aws, "classic", arn)
    distribution(aws, NAME, east)
    private_ca(aws)
    http_domain(aws, NAME, arn)
    issued = aws.ca.issue(["iam.example.com"])
    aws.client("iam").upload_server_certificate(ServerCertificateName="old", CertificateBody=issued.leaf_pem, PrivateKey=issued.key_pem)
    return looking()


def role(aws):
    """A role that may read, in the account of the emulator; its ARN."""
    iam = aws.client("iam")
    made = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in READER]}
    iam.put_role_policy(RoleName=ROLE, PolicyName="read", PolicyDocument=json.dumps(document))
    aws.listener("shop", aws.hold(NAME)[0])
    return made


def organization(aws, folder):
    """An organization of one account."""
    aws.client("organizations").create_organization(FeatureSet="ALL")
    role(aws)
    return looking(organization_role=ROLE)


DRILLS = {
    "One account, or what a role in each account may do": account,
    "Who assumes the roles of ``role_arns``": lambda aws, folder: looking(role_arns=[role(aws)]),
    "Who assumes ``organization_role`` in every account of the organization": organization,
}
