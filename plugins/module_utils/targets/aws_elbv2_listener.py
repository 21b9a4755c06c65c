# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners of application and network load balancers: the default certificate, or one of those that are chosen by SNI."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .. import aws
from ..contracts import Clock, Target, Where
from ..errors import ConfigError, NotFoundError
from ..x509 import pem
from ..x509.certificate import Certificate
from ..x509.names import covers
from ._aws_bound import create_bound
from ._aws_clients import Arn, PlaceClients, asked, list_together
from ._aws_iam import STORE_OPTION, IamStore, bind_when_known, is_iam
from ._aws_store import KEY_TYPES, AcmStore
from ._served import endpoints_of

NAME = "aws_elbv2_listener"
OPTIONS: Dict[str, Any] = {
    "listener_arn": {"type": "str", "required": True},
    "sni": {"type": "bool", "default": False, "shared": True},  # many are chosen by SNI, one is the default
    "store": STORE_OPTION,
    **aws.ACCESS,
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "The default certificate of a listener": [
        {
            "Action": [
                "acm:AddTagsToCertificate",
                "acm:GetCertificate",
                "acm:ImportCertificate",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:ModifyListener",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
    "A certificate that is chosen by SNI": [
        {
            "Action": [
                "acm:AddTagsToCertificate",
                "acm:GetCertificate",
                "acm:ImportCertificate",
                "elasticloadbalancing:AddListenerCertificates",
                "elasticloadbalancing:DescribeListenerCertificates",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:RemoveListenerCertificates",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
    "The default certificate, with ``store: iam``": [
        {
            "Action": [
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:ModifyListener",
                "iam:GetServerCertificate",
                "iam:TagServerCertificate",
                "iam:UploadServerCertificate",
            ],
            "Resource": "*",
        }
    ],
    "A certificate that is chosen by SNI, with ``store: iam``": [
        {
            "Action": [
                "elasticloadbalancing:AddListenerCertificates",
                "elasticloadbalancing:DescribeListenerCertificates",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:RemoveListenerCertificates",
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
        {"Action": ["iam:DeleteServerCertificate", "iam:ListServerCertificates"], "Resource": "*"}
    ],
}
TLS = ("HTTPS", "TLS")


class Listeners:
    """Nothing else of a listener is touched than the certificate of the place."""

    def __init__(self, clients: PlaceClients, store: AcmStore) -> None:
        self._clients, self._store, self._iam = clients, store, IamStore(store)
        self._listeners: Dict[Tuple[Any, ...], Mapping[str, Any]] = {}

    def _arn(self, where: Where) -> Arn:
        return Arn.parse(where.get("listener_arn"), "elasticloadbalancing", "listener_arn")

    def _client(self, where: Where) -> Any:
        return self._clients.get(where, "elbv2", self._arn(where).region)

    def _scope(self, where: Where, arn: str) -> Tuple[Any, ...]:
        return (*self._clients.key(where), arn)

    def takes(self, where: Where) -> Tuple[Tuple[str, ...], str]:
        """The same as ACM."""
        return KEY_TYPES, "ACM"

    def region(self, where: Where) -> str:
        """The listener's."""
        return self._arn(where).region

    # --- reading ---

    def prefetch(self, wheres: Sequence[Where]) -> None:
        """One call for up to 100 listeners."""
        list_together(wheres, self._region_of_account, "listener_arn", self._list)

    def _region_of_account(self, where: Where) -> Tuple[str, ...]:
        """Read from whatever stands there: a wrong ARN is told where its place is read."""
        return (*self._clients.key(where), *str(where.get("listener_arn")).split(":")[3:4])

    def _list(self, where: Where, arns: Sequence[str]) -> None:
        for listener in aws.pages(self._client(where), "describe_listeners", "Listeners", ListenerArns=list(arns)):
            self._listeners[self._scope(where, listener["ListenerArn"])] = listener

    def _listener(self, where: Where) -> Mapping[str, Any]:
        arn = self._arn(where).text
        if self._scope(where, arn) not in self._listeners:
            self._list(where, [arn])
        found = self._listeners.get(self._scope(where, arn))
        if found is None:
            raise NotFoundError(f"there is no listener {arn}", hint="name the listener that is there, or take the deployment away")
        if found.get("Protocol") not in TLS:
            raise ConfigError(f"{arn} speaks {found.get('Protocol')}, and only {' and '.join(TLS)} have certificates", field="listener_arn")
        return found

    def bound(self, where: Where) -> str:
        """By default the listener's own, with `sni` the one of this lineage, else a foreign one for the same names."""
        listener = self._listener(where)
        if not where.get("sni"):
            return next((str(one["CertificateArn"]) for one in listener.get("Certificates") or ()), "")
        mine, foreign = self._sni(where)
        names = [endpoint.name for endpoint in endpoints_of(where)]
        alike = [arn for arn in foreign if any(covers(one, name) for one in self._leaf(where, arn).dns_names for name in names)]
        dated = [(leaf.not_after is not None, leaf.not_after, arn) for arn in mine or alike for leaf in [self._leaf(where, arn)]]
        return max(dated, default=(False, None, ""))[2]

    def _sni(self, where: Where) -> Tuple[List[str], List[str]]:
        """The ARNs in the listener's list: this lineage's, and those of no lineage."""
        arn = self._arn(where)
        rows = list(aws.pages(self._client(where), "describe_listener_certificates", "Certificates", ListenerArn=arn.text))
        listed = [str(one["CertificateArn"]) for one in rows if not one.get("IsDefault")]
        mine, foreign = self._iam.mine_and_foreign(where, [one for one in listed if is_iam(one)])
        in_acm = [one for one in listed if not is_iam(one)]
        owned = self._store.owned(where, arn.region) if in_acm else {}
        mine += [one for one in in_acm if owned.get(one, {}).get(aws.LINEAGE) == str(where.get("lineage") or "")]
        return mine, [*foreign, *(one for one in in_acm if one not in owned)]

    def _leaf(self, where: Where, arn: str) -> Certificate:
        return Certificate.parse(pem.split(self._store.chain(where, arn))[0].der)

    # --- writing ---

    def bind(self, where: Where, arn: str) -> None:
        """The default in one call; in the list it is added first, and then what it takes the place of is taken off."""
        listener, wanted = self._arn(where).text, [{"CertificateArn": arn}]
        if not where.get("sni"):
            bind_when_known(arn, lambda: self._change(where, "modify_listener", wanted))
            self._listeners.pop(self._scope(where, listener), None)
            return
        mine, foreign = self._sni(where)
        if arn not in (*mine, *foreign):
            bind_when_known(arn, lambda: self._change(where, "add_listener_certificates", wanted))
        names = set(self._leaf(where, arn).dns_names)
        over = [one for one in mine if one != arn]
        over += [one for one in foreign if one != arn and set(self._leaf(where, one).dns_names) <= names]  # no name is lost
        if over:
            with aws.told(f"elasticloadbalancing RemoveListenerCertificates {listener}"):
                certificates = [{"CertificateArn": one} for one in over]
                self._client(where).remove_listener_certificates(ListenerArn=listener, Certificates=certificates)

    def _change(self, where: Where, act: str, certificates: List[Dict[str, str]]) -> None:
        client, listener = self._client(where), self._arn(where).text
        with asked(f"elasticloadbalancing {client.meta.method_to_api_mapping[act]} {listener}"):
            getattr(client, act)(ListenerArn=listener, Certificates=certificates)


def create(options: Mapping[str, Any], clock: Clock) -> Target:
    """The target at the pace of these options."""
    return create_bound(options, clock, Listeners)
