# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where certificates are bound in AWS: one small function for each service, each by its listings alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

from ..aws import pages

TLS_PROTOCOLS = ("HTTPS", "TLS", "SSL")


@dataclass(frozen=True)
class Binding:
    """One place that serves a certificate. `place` is its stable id, `certificate` an ARN or the id of an IAM certificate.

    `tagged` is the ARN whose tags describe the place.
    """

    place: str
    certificate: str
    tagged: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)


def elbv2(client: Any) -> Iterator[Binding]:
    """The default and the SNI certificates of every HTTPS and TLS listener."""
    for balancer in pages(client, "describe_load_balancers", "LoadBalancers"):
        arn = balancer["LoadBalancerArn"]
        for listener in pages(client, "describe_listeners", "Listeners", LoadBalancerArn=arn):
            if listener.get("Protocol") not in TLS_PROTOCOLS:
                continue
            place = listener["ListenerArn"]
            facts = {"load_balancer": arn, "listener": place, "name": balancer.get("DNSName", ""), "port": listener.get("Port")}
            target = {"type": "aws_elbv2_listener", "listener_arn": place}
            default = next((str(one["CertificateArn"]) for one in listener.get("Certificates", ())), "")
            yield Binding(f"{place}/default", default, arn, {**facts, "slot": "default", "targets": [{**target, "sni": False}]})
            for one in pages(client, "describe_listener_certificates", "Certificates", ListenerArn=place):
                if not one.get("IsDefault") and one["CertificateArn"] != default:
                    more = {"slot": "sni", "targets": [{**target, "sni": True, "shared": True}]}
                    yield Binding(f"{place}/sni/{one['CertificateArn']}", one["CertificateArn"], arn, {**facts, **more})


def elb(client: Any) -> Iterator[Binding]:
    """The listeners of classic load balancers."""
    for balancer in pages(client, "describe_load_balancers", "LoadBalancerDescriptions"):
        name = balancer["LoadBalancerName"]
        for one in balancer.get("ListenerDescriptions", ()):
            listener = one["Listener"]
            if listener.get("SSLCertificateId"):
                port = listener["LoadBalancerPort"]
                target = {"type": "aws_elb_listener", "load_balancer": name, "port": port, "region": client.meta.region_name}
                facts = {"load_balancer": name, "name": balancer.get("DNSName", ""), "port": port, "targets": [target]}
                yield Binding(f"{name}:{port}", listener["SSLCertificateId"], "", facts)


def cloudfront(client: Any) -> Iterator[Binding]:
    """Distributions with a certificate of their own; CloudFront's default certificate is nobody's to manage."""
    for one in pages(client, "list_distributions", "DistributionList.Items"):
        viewer = one.get("ViewerCertificate") or {}
        certificate = viewer.get("ACMCertificateArn") or viewer.get("IAMCertificateId")
        if certificate:
            aliases = [str(name) for name in (one.get("Aliases") or {}).get("Items") or ()]
            target = {"type": "aws_cloudfront_distribution", "distribution_id": one["Id"]}
            facts = {"distribution": one["Id"], "name": one.get("DomainName", ""), "server_names": aliases[:100], "targets": [target]}
            yield Binding(str(one["Id"]), str(certificate), str(one.get("ARN") or ""), facts)


def apigateway(client: Any) -> Iterator[Binding]:
    """Domain names of REST APIs, edge-optimised and regional."""
    for one in pages(client, "get_domain_names", "items"):
        for slot, name in (("edge", "certificateArn"), ("regional", "regionalCertificateArn")):
            if one.get(name):
                facts = {"name": one["domainName"], "slot": slot, **_domain(client, one["domainName"], "rest")}
                yield Binding(f"{one['domainName']}/{slot}", one[name], str(one.get("domainNameArn") or ""), facts)


def apigatewayv2(client: Any) -> Iterator[Binding]:
    """Domain names of HTTP and WebSocket APIs."""
    for one in pages(client, "get_domain_names", "Items"):
        for setting in one.get("DomainNameConfigurations") or ():
            if setting.get("CertificateArn"):
                facts = {"name": one["DomainName"], "slot": "regional", **_domain(client, one["DomainName"], "http")}
                yield Binding(f"{one['DomainName']}/regional", setting["CertificateArn"], str(one.get("DomainNameArn") or ""), facts)


def _domain(client: Any, name: str, api: str) -> Dict[str, Any]:
    target = {"type": "aws_api_domain", "domain_name": name, "api": api, "region": client.meta.region_name}
    return {"server_names": [name], "targets": [target]}


REGIONAL: Dict[str, Callable[[Any], Iterator[Binding]]] = {
    "elbv2": elbv2,
    "elb": elb,
    "apigateway": apigateway,
    "apigatewayv2": apigatewayv2,
}
GLOBAL: Dict[str, Callable[[Any], Iterator[Binding]]] = {"cloudfront": cloudfront}
SERVICES: Tuple[str, ...] = (*REGIONAL, *GLOBAL)
