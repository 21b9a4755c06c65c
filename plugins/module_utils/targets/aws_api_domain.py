# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names of API Gateway: of REST APIs, edge-optimised or regional, and of HTTP and WebSocket APIs."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple

from .. import aws
from ..contracts import Clock, Target, Where
from ..errors import NotFoundError
from ._aws_bound import create_bound
from ._aws_clients import PlaceClients, asked
from ._aws_store import KEY_TYPES, KEY_TYPES_AT_EDGE, AcmStore

NAME = "aws_api_domain"
OPTIONS: Dict[str, Any] = {
    "domain_name": {"type": "str", "required": True},
    "api": {"type": "str", "choices": ["rest", "http"], "default": "rest"},
    "region": {"type": "str", "required": True},
    **aws.ACCESS,
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "Domain names of REST, HTTP and WebSocket APIs": [
        {
            "Action": [
                "acm:AddTagsToCertificate",
                "acm:GetCertificate",
                "acm:ImportCertificate",
                "apigateway:GET",
                "apigateway:PATCH",
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
                "apigateway:GET",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
}
EDGE_REGION = "us-east-1"  # of the certificates of edge-optimised domain names
EDGE, REGIONAL = "certificateArn", "regionalCertificateArn"


class Domains:
    """Domain names in any region; mutual TLS, policies and mappings stay as they are."""

    def __init__(self, clients: PlaceClients, store: AcmStore) -> None:
        self._clients = clients
        self._edges: Dict[Tuple[str, ...], bool] = {}

    def takes(self, where: Where) -> Tuple[Tuple[str, ...], str]:
        """The same as ACM, but for edge-optimised ones, which CloudFront serves."""
        return (KEY_TYPES_AT_EDGE, "CloudFront, which serves it,") if self._at_edge(where) else (KEY_TYPES, "ACM")

    def _client(self, where: Where) -> Any:
        service = "apigatewayv2" if where.get("api") == "http" else "apigateway"
        return self._clients.get(where, service, str(where["region"]))

    def _domain(self, where: Where) -> Mapping[str, Any]:
        """The domain name as API Gateway has it now."""
        name = str(where["domain_name"])
        with aws.told(f"apigateway {name}"):
            if where.get("api") == "http":
                found: Mapping[str, Any] = self._client(where).get_domain_name(DomainName=name)
            else:
                found = self._client(where).get_domain_name(domainName=name)
        return found

    def _is_edge(self, domain: Mapping[str, Any]) -> bool:
        kinds = (domain.get("endpointConfiguration") or {}).get("types") or ()
        return "EDGE" in kinds or (not kinds and bool(domain.get(EDGE)))

    def region(self, where: Where) -> str:
        """The domain name's own, but for edge-optimised ones."""
        return EDGE_REGION if self._at_edge(where) else str(where["region"])

    def _at_edge(self, where: Where) -> bool:
        """Whether it is edge-optimised, from the first look at it."""
        key = (*self._clients.key(where), str(where["region"]), str(where["domain_name"]))
        if where.get("api") == "http":
            return False
        if key not in self._edges:
            self._edges[key] = self._is_edge(self._domain(where))
        return self._edges[key]

    def prefetch(self, wheres: Sequence[Where]) -> None:
        """Each domain name is read by itself: a listing would bring those of everybody."""

    def bound(self, where: Where) -> str:
        """The certificate of the domain name."""
        domain = self._domain(where)
        if where.get("api") == "http":
            arns = [one.get("CertificateArn") for one in domain.get("DomainNameConfigurations") or ()]
            return str(next(filter(None, arns), ""))
        return str(domain.get(EDGE if self._is_edge(domain) else REGIONAL) or "")

    def bind(self, where: Where, arn: str) -> None:
        """Set the certificate of the domain name."""
        name, domain = str(where["domain_name"]), self._domain(where)
        if where.get("api") != "http":
            operation = {"op": "replace", "path": f"/{EDGE if self._is_edge(domain) else REGIONAL}", "value": arn}
            with asked(f"apigateway UpdateDomainName {name}"):
                self._client(where).update_domain_name(domainName=name, patchOperations=[operation])
            return
        if not domain.get("DomainNameConfigurations"):
            raise NotFoundError(f"the domain name {name} has no configuration to change")
        taken = ("EndpointType", "SecurityPolicy", "OwnershipVerificationCertificateArn", "IpAddressType")
        settings = [
            {**{key: one[key] for key in taken if one.get(key)}, "CertificateArn": arn} for one in domain["DomainNameConfigurations"]
        ]
        with asked(f"apigateway UpdateDomainName {name}"):
            self._client(where).update_domain_name(DomainName=name, DomainNameConfigurations=settings)


def create(options: Mapping[str, Any], clock: Clock) -> Target:
    """The target at the pace of these options."""
    return create_bound(options, clock, Domains)
