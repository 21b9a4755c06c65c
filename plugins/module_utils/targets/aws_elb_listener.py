# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners of classic load balancers: the one certificate that each has."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from .. import aws
from ..contracts import Clock, Target, Where
from ..errors import NotFoundError
from ._aws_bound import create_bound
from ._aws_clients import PlaceClients, asked, list_together
from ._aws_iam import STORE_OPTION, bind_when_known
from ._aws_store import KEY_TYPES, AcmStore

NAME = "aws_elb_listener"
OPTIONS: Dict[str, Any] = {
    "load_balancer": {"type": "str", "required": True},
    "port": {"type": "int", "default": 443},
    "region": {"type": "str", "required": True},
    "store": STORE_OPTION,
    **aws.ACCESS,
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "With certificates in ACM": [
        {
            "Action": [
                "acm:AddTagsToCertificate",
                "acm:GetCertificate",
                "acm:ImportCertificate",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:SetLoadBalancerListenerSSLCertificate",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
    "With ``store: iam``": [
        {
            "Action": [
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:SetLoadBalancerListenerSSLCertificate",
                "iam:GetServerCertificate",
                "iam:TagServerCertificate",
                "iam:UploadServerCertificate",
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
    "What ``certops.clm.cleanup`` needs beside, with ``store: iam``": [
        {
            "Action": [
                "iam:DeleteServerCertificate",
                "iam:ListServerCertificates",
            ],
            "Resource": "*",
        }
    ],
}


class ClassicListeners:
    """A listener is the name of its load balancer and its port."""

    def __init__(self, clients: PlaceClients, store: AcmStore, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clients, self._sleep = clients, sleep
        self._balancers: Dict[Tuple[Any, ...], Mapping[str, Any]] = {}

    def takes(self, where: Where) -> Tuple[Tuple[str, ...], str]:
        """The same as ACM."""
        return KEY_TYPES, "ACM"

    def region(self, where: Where) -> str:
        """The load balancer's."""
        return str(where["region"])

    def _scope(self, where: Where, name: str) -> Tuple[Any, ...]:
        return (*self._clients.key(where), self.region(where), name)

    def prefetch(self, wheres: Sequence[Where]) -> None:
        """One call for up to 100 load balancers."""
        list_together(wheres, lambda where: self._scope(where, ""), "load_balancer", self._list)

    def _list(self, where: Where, names: List[str]) -> None:
        client = self._clients.get(where, "elb", self.region(where))
        for one in aws.pages(client, "describe_load_balancers", "LoadBalancerDescriptions", LoadBalancerNames=names):
            self._balancers[self._scope(where, one["LoadBalancerName"])] = one

    def bound(self, where: Where) -> str:
        """The certificate of the listener at that port."""
        scope = self._scope(where, str(where["load_balancer"]))
        if scope not in self._balancers:
            self._list(where, [str(where["load_balancer"])])
        rows = [one["Listener"] for one in self._balancers[scope].get("ListenerDescriptions") or ()] if scope in self._balancers else []
        found = [one for one in rows if one.get("LoadBalancerPort") == where.get("port", 443)]
        if not found:
            place = f"{where['load_balancer']}:{where.get('port', 443)}"
            raise NotFoundError(f"there is no listener {place}", hint="name the listener that is there, or take the deployment away")
        return str(found[0].get("SSLCertificateId") or "")

    def bind(self, where: Where, arn: str) -> None:
        """Set the certificate of the listener."""
        bind_when_known(arn, lambda: self._bind(where, arn), self._sleep)

    def _bind(self, where: Where, arn: str) -> None:
        name, port = str(where["load_balancer"]), int(where.get("port") or 443)
        with asked(f"elasticloadbalancing SetLoadBalancerListenerSSLCertificate {name}:{port}"):
            self._clients.get(where, "elb", self.region(where)).set_load_balancer_listener_ssl_certificate(
                LoadBalancerName=name, LoadBalancerPort=port, SSLCertificateId=arn
            )
        self._balancers.pop(self._scope(where, name), None)


def create(options: Mapping[str, Any], clock: Clock) -> Target:
    """The target at the pace of these options."""
    return create_bound(options, clock, ClassicListeners)
