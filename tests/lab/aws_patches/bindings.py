# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classic load balancers, CloudFront and API Gateway: binding a certificate as AWS does it."""

from __future__ import annotations

import json
from typing import Any

from moto.acm.models import acm_backends
from moto.apigateway.exceptions import BadRequestException
from moto.apigateway.responses import APIGatewayResponse
from moto.apigatewayv2.exceptions import BadRequestException as BadRequestV2
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.cloudfront.exceptions import CloudFrontException
from moto.cloudfront.models import CloudFrontBackend
from moto.elb.exceptions import CertificateNotFoundException, ELBClientError, LoadBalancerNotFoundError
from moto.elb.models import ELBBackend
from moto.moto_api._internal import mock_random

from aws_patches import patch


def is_held(arn: str, account: str, region: str) -> bool:
    """Whether ACM has it there; what is in IAM is not asked for."""
    return ":iam:" in arn or arn in acm_backends[account][region]._certificates


@patch
def elb_set_certificate() -> None:
    """A certificate or a listener that is not there changes nothing.

    https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_SetLoadBalancerListenerSSLCertificate.html
    """
    stock = ELBBackend.set_load_balancer_listener_ssl_certificate

    def set_load_balancer_listener_ssl_certificate(self: Any, name: str, lb_port: str, ssl_certificate_id: str) -> Any:
        balancer = self.load_balancers.get(name)
        if balancer is None:
            raise LoadBalancerNotFoundError(name)
        if str(lb_port) not in [str(one.load_balancer_port) for one in balancer.listeners]:
            raise ELBClientError("ListenerNotFound", f"LoadBalancer '{name}' does not have a listener on port {lb_port}")
        if not is_held(ssl_certificate_id, self.account_id, self.region_name):
            raise CertificateNotFoundException()
        return stock(self, name, lb_port, ssl_certificate_id)

    ELBBackend.set_load_balancer_listener_ssl_certificate = set_load_balancer_listener_ssl_certificate


@patch
def cloudfront_etag() -> None:
    """Each change gives a new ETag, one made against an older ETag is refused, and so is a certificate of another region.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_UpdateDistribution.html and the developer guide, "Requirements for
    using SSL/TLS certificates with CloudFront"
    """
    stock = CloudFrontBackend.update_distribution

    def update_distribution(self: Any, dist_config: Any, _id: str, if_match: Any) -> Any:
        found = self.distributions.get(_id)
        if found is not None and if_match and if_match != found.etag:
            raise CloudFrontException("PreconditionFailed", "The request failed because it didn't meet the preconditions.")
        arn = ((dist_config or {}).get("ViewerCertificate") or {}).get("ACMCertificateArn") or ""
        if arn and not (":us-east-1:" in arn and is_held(arn, self.account_id, "us-east-1")):
            raise CloudFrontException("InvalidViewerCertificate", "The specified SSL certificate doesn't exist, or isn't in us-east-1.")
        dist, location, _etag = stock(self, dist_config, _id, if_match)
        dist.etag = mock_random.get_random_hex(14).upper()
        return dist, location, dist.etag

    CloudFrontBackend.update_distribution = update_distribution


@patch
def apigateway_update_domain_name() -> None:
    """UpdateDomainName replaces what its patch operations name.

    https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateDomainName.html
    """
    fields = {"/certificateArn": "certificate_arn", "/regionalCertificateArn": "regional_certificate_arn"}

    def update_domain_name(self: Any) -> Any:
        domain = self.backend.get_domain_name(self.path.split("/")[2])
        for one in json.loads(self.body)["patchOperations"]:
            region = self.region if one["path"] == "/regionalCertificateArn" else "us-east-1"
            if one["op"] != "replace" or one["path"] not in fields or not is_held(one["value"], self.current_account, region):
                raise BadRequestException(f"Invalid patch operation {one}")
            setattr(domain, fields[one["path"]], one["value"])
        return 200, {}, json.dumps(domain.to_json())

    APIGatewayResponse.update_domain_name = update_domain_name


@patch
def apigatewayv2_update_domain_name() -> None:
    """UpdateDomainName replaces the configurations, and takes certificates of its own region only.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname.html
    """

    def update_domain_name(self: Any) -> Any:
        domain = self.apigatewayv2_backend.get_domain_name(domain_name=self.path.split("/")[-1])
        given = json.loads(self.body).get("domainNameConfigurations") or []
        if not given or not all(is_held(one.get("certificateArn", ""), self.current_account, self.region) for one in given):
            raise BadRequestV2("Invalid certificate")
        domain.domain_name_configurations = given
        return 200, {}, json.dumps(domain.to_json())

    ApiGatewayV2Response.update_domain_name = update_domain_name
