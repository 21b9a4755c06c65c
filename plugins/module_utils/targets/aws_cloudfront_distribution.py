# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFront distributions: the certificate for their aliases, changed against the ETag that was read with the configuration."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple

from .. import aws, distributions
from ..contracts import Clock, Target, Where
from ..distributions import REGION
from ._aws_bound import create_bound
from ._aws_clients import PlaceClients, asked
from ._aws_store import KEY_TYPES_AT_EDGE, AcmStore

NAME = "aws_cloudfront_distribution"
OPTIONS: Dict[str, Any] = {"distribution_id": {"type": "str", "required": True}, **aws.ACCESS}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "A distribution": [
        {
            "Action": [
                "acm:AddTagsToCertificate",
                "acm:GetCertificate",
                "acm:ImportCertificate",
                "cloudfront:GetDistributionConfig",
                "cloudfront:UpdateDistribution",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
    "A distribution that still has a certificate of IAM": [
        {
            "Action": [
                "acm:AddTagsToCertificate",
                "acm:GetCertificate",
                "acm:ImportCertificate",
                "cloudfront:GetDistributionConfig",
                "cloudfront:UpdateDistribution",
                "iam:GetServerCertificate",
                "iam:ListServerCertificates",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
    "What ``certops.clm.cleanup`` needs beside": [
        {
            "Action": [
                "acm:DeleteCertificate",
                "acm:DescribeCertificate",
                "acm:GetCertificate",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
}


class Distributions:
    """Everything else of a distribution's configuration goes back as it was read."""

    def __init__(self, clients: PlaceClients, store: AcmStore) -> None:
        self._clients = clients
        self._by_id: Dict[Tuple[str, ...], Dict[str, str]] = {}

    def takes(self, where: Where) -> Tuple[Tuple[str, ...], str]:
        """Fewer than ACM."""
        return KEY_TYPES_AT_EDGE, "CloudFront"

    def region(self, where: Where) -> str:
        """The one that CloudFront takes certificates from."""
        return REGION

    def prefetch(self, wheres: Sequence[Where]) -> None:
        """Each distribution has to be read by itself: only that gives the ETag."""

    def _client(self, where: Where) -> Any:
        return self._clients.get(where, "cloudfront", REGION)

    def bound(self, where: Where) -> str:
        """The certificate of the aliases; CloudFront's own one is none."""
        viewer = distributions.configuration(self._client(where), str(where["distribution_id"]))[0].get("ViewerCertificate") or {}
        if viewer.get("IAMCertificateId"):
            return self._iam(where).get(str(viewer["IAMCertificateId"]), "")
        return str(viewer.get("ACMCertificateArn") or "")

    def _iam(self, where: Where) -> Dict[str, str]:
        """By id the ARN of every server certificate of IAM, which CloudFront names by its id."""
        key = self._clients.key(where)
        if key not in self._by_id:
            iam = self._clients.get(where, "iam", REGION)
            rows = aws.pages(iam, "list_server_certificates", "ServerCertificateMetadataList")
            self._by_id[key] = {str(one["ServerCertificateId"]): str(one["Arn"]) for one in rows}
        return self._by_id[key]

    def bind(self, where: Where, arn: str) -> None:
        """Set the certificate, and leave what somebody else changed meanwhile as they have it."""
        distributions.change(self._client(where), str(where["distribution_id"]), lambda config: self._set(where, config, arn), asked)

    def _set(self, where: Where, config: Dict[str, Any], arn: str) -> None:
        viewer = config.get("ViewerCertificate") or {}
        kept = {key: viewer[key] for key in ("SSLSupportMethod", "MinimumProtocolVersion") if viewer.get(key)}
        if viewer.get("CloudFrontDefaultCertificate") or not kept:
            kept = {"SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"}
        ids = {one: number for number, one in self._iam(where).items()} if arn.split(":")[2:3] == ["iam"] else {}
        certificate = {"IAMCertificateId": ids[arn]} if arn in ids else {"ACMCertificateArn": arn}
        config["ViewerCertificate"] = {**certificate, **kept}


def create(options: Mapping[str, Any], clock: Clock) -> Target:
    """The target at the pace of these options."""
    return create_bound(options, clock, Distributions)
