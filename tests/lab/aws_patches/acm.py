# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACM: listings in pages, what is in use, and the chain of an imported certificate."""

from __future__ import annotations

from typing import Any, Set

from moto.acm.models import AWS_ROOT_CA, AWSCertificateManagerBackend
from moto.acm.responses import AWSCertificateManagerResponse
from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.cloudfront.models import cloudfront_backends
from moto.core.responses import ActionResult
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends

from aws_patches import patch

PAGE = 1000
DEFAULT_KEY_TYPES = ("RSA_1024", "RSA_2048")



def users_of(arn: str, account: str, region: str) -> Set[str]:
    """The ARNs of everything that serves the certificate."""
    found = set()
    for balancer in elbv2_backends[account][region].load_balancers.values():
        if any(arn in listener.certificates for listener in balancer.listeners.values()):
            found.add(balancer.arn)
    for name, one in elb_backends[account][region].load_balancers.items():
        if arn in [listener.ssl_certificate_id for listener in one.listeners]:
            found.add(f"arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{name}")
    for one in cloudfront_backends[account]["aws"].distributions.values():
        if arn in repr(vars(one.distribution_config.ViewerCertificate)):
            found.add(one.arn)
    for backends in (apigateway_backends, apigatewayv2_backends):
        for name, one in backends[account][region].domain_names.items():
            named = ("certificate_arn", "regional_certificate_arn", "domain_name_configurations")
            if arn in repr([one.__dict__.get(field) for field in named]):
                found.add(f"arn:aws:apigateway:{region}::/domainnames/{name}")
    return found


@patch
def acm_list() -> None:
    """Pages of at most 1,000 with NextToken; RSA keys of 1,024 and 2,048 bits alone unless keyTypes asks for more.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html and API_Filters.html
    """

    def list_certificates(self: Any) -> ActionResult:
        includes = dict(self._get_param("Includes") or {})
        includes.setdefault("keyTypes", list(DEFAULT_KEY_TYPES))
        start = int(self._get_param("NextToken") or 0)
        size = min(int(self._get_param("MaxItems") or PAGE), PAGE)
        every = list(self.acm_backend.list_certificates(self._get_param("CertificateStatuses"), includes))
        rows = []
        for bundle in every[start : start + size]:
            row = bundle.describe()["Certificate"]
            row.pop("InUseBy", None)
            rows.append({**row, "InUse": bool(users_of(bundle.arn, self.current_account, self.region)), "Exported": False})
        more = {"NextToken": str(start + size)} if start + size < len(every) else {}
        return ActionResult(result={"CertificateSummaryList": rows, **more})

    AWSCertificateManagerResponse.list_certificates = list_certificates


@patch
def acm_in_use_by() -> None:
    """InUseBy names load balancers, distributions and domain names, also for SNI certificates and after a listener was modified.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
    """

    def describe_certificate(self: Any) -> ActionResult:
        bundle = self.acm_backend.describe_certificate(self._get_param("CertificateArn"))
        answer = bundle.describe()
        answer["Certificate"]["InUseBy"] = sorted(users_of(bundle.arn, self.current_account, self.region))
        return ActionResult(result=answer)

    AWSCertificateManagerResponse.describe_certificate = describe_certificate
    AWSCertificateManagerBackend.set_certificate_in_use_by = lambda self, arn, load_balancer_name: None


@patch
def acm_chain() -> None:
    """An imported certificate has the chain that came with it, and no root that nobody gave.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_GetCertificate.html
    """

    def get_certificate(self: Any) -> ActionResult:
        bundle = self.acm_backend.get_certificate(self._get_param("CertificateArn"))
        chain = bundle.chain.decode()
        if bundle.type == "IMPORTED":
            chain = chain.replace(AWS_ROOT_CA.decode(), "").strip()
        return ActionResult(result={"Certificate": bundle.cert.decode(), **({"CertificateChain": chain} if chain else {})})

    AWSCertificateManagerResponse.get_certificate = get_certificate
