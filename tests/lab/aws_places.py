# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One served place of the emulator for each target of AWS, as its deployment module takes it, for tables over all modules. Tier B."""

from __future__ import annotations

import random
import secrets
import socket
from typing import Any, Dict

from .aws import REGION, Aws

NAME = "facade.lab.example"


ACCOUNT = "123456789012"


def classic(aws: Aws, name: str, arn: str, region: str = REGION) -> str:
    """A classic load balancer with an HTTPS listener; what the front calls it."""
    listener = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstancePort": 80, "InstanceProtocol": "HTTP", "SSLCertificateId": arn}
    aws.client("elb", region).create_load_balancer(LoadBalancerName=name, Listeners=[listener], AvailabilityZones=[f"{region}a"])
    return f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:classic/{name}"


def distribution(aws: Aws, alias: str, arn: str) -> str:
    """A CloudFront distribution; its id. The certificate is one of us-east-1."""
    origin = {"Id": "o", "DomainName": "origin.example.com", "CustomOriginConfig": ORIGIN}
    behaviour = {"TargetOriginId": "o", "ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": "some"}
    config = {
        "CallerReference": secrets.token_hex(4), "Comment": "shop", "Enabled": True, "Aliases": {"Quantity": 1, "Items": [alias]},
        "Origins": {"Quantity": 1, "Items": [origin]}, "DefaultCacheBehavior": behaviour,
        "ViewerCertificate": {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"},
    }  # fmt: skip
    return str(aws.client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]["Id"])


ORIGIN = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}


def rest_domain(aws: Aws, name: str, arn: str, *, edge: bool = False) -> str:
    """A domain name of REST APIs; what the front calls it. For an edge-optimised one the certificate is one of us-east-1."""
    certificate = {"certificateArn" if edge else "regionalCertificateArn": arn}
    kind = {"types": ["EDGE" if edge else "REGIONAL"]}
    aws.client("apigateway").create_domain_name(domainName=name, endpointConfiguration=kind, **certificate)
    return f"arn:aws:apigateway:{REGION}:{ACCOUNT}:rest/{name}"


def http_domain(aws: Aws, name: str, arn: str) -> str:
    """A domain name of HTTP APIs; what the front calls it."""
    settings = [{"CertificateArn": arn, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}]
    aws.client("apigatewayv2").create_domain_name(DomainName=name, DomainNameConfigurations=settings)
    return f"arn:aws:apigateway:{REGION}:{ACCOUNT}:http/{name}"


def places(aws: Aws) -> Dict[str, Dict[str, Any]]:
    """By target its place with endpoints; each begins with a certificate of the lab's own CA."""
    arn, kept, east = aws.hold(NAME)[0], aws.hold(NAME)[0], aws.hold(NAME, region="us-east-1")[0]
    listener, number = aws.listener("every-module", arn), distribution(aws, NAME, east)
    old, domain = classic(aws, "every-module-classic", arn), http_domain(aws, NAME, arn)
    at_edge = f"arn:aws:cloudfront::{ACCOUNT}:distribution/{number}"
    return {
        "aws_elbv2_listener": {"listener_arn": listener, "endpoints": [on_the_front(aws, listener)]},
        "aws_acm": {"certificate_arn": kept, "endpoints": [on_the_front(aws, kept)], "allow_no_rollback": True},
        "aws_elb_listener": {"load_balancer": "every-module-classic", "region": REGION, "endpoints": [on_the_front(aws, old)]},
        "aws_cloudfront_distribution": {"distribution_id": number, "endpoints": [on_the_front(aws, at_edge)]},
        "aws_api_domain": {"domain_name": NAME, "api": "http", "region": REGION, "endpoints": [on_the_front(aws, domain)]},
    }


def on_the_front(aws: Aws, place: str) -> Dict[str, Any]:
    """The endpoint of a place that serves from now on."""
    address = f"127.{random.randint(32, 250)}.{random.randint(0, 255)}.1"
    with socket.socket() as free:
        free.bind((address, 0))
        port = int(free.getsockname()[1])
    aws.front({"place": place, "port": port, "addresses": [{"address": address}]})
    return {"host": address, "port": port, "server_name": NAME}
