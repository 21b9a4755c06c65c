# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of distributions."""

from __future__ import annotations

from functools import partial

from ansible_collections.certops.clm.plugins.module_utils.targets import aws_cloudfront_distribution
from ansible_collections.certops.clm.tests.unit.rights.drill import cleaning, deploy
from ansible_collections.certops.clm.tests.unit.targets.test_aws_bound import CloudFront


def of_iam(aws, folder):
    """Somebody uploaded to IAM what the distribution has now."""
    estate = CloudFront(aws, folder)
    leaf, end, chain = estate.old.chain_pem.partition("-----END CERTIFICATE-----\n")
    body = {"CertificateBody": leaf + end, "CertificateChain": chain, "PrivateKey": estate.store.key(estate.old.key).reveal().decode()}
    made = aws.client("iam").upload_server_certificate(ServerCertificateName=f"cdn-{estate.number}", **body)["ServerCertificateMetadata"]
    config = estate.config()
    viewer = {"IAMCertificateId": made["ServerCertificateId"], "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"}
    changed = {**config["DistributionConfig"], "ViewerCertificate": viewer}
    aws.client("cloudfront").update_distribution(DistributionConfig=changed, Id=estate.id, IfMatch=config["ETag"])
    return partial(deploy, aws_cloudfront_distribution, estate)


DRILLS = {
    "A distribution": lambda aws, folder: partial(deploy, aws_cloudfront_distribution, CloudFront(aws, folder)),
    "A distribution that still has a certificate of IAM": of_iam,
    "What ``certops.clm.cleanup`` needs beside": lambda aws, folder: cleaning(aws_cloudfront_distribution, CloudFront(aws, folder)),
}
