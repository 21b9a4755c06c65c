# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How listeners of application and network load balancers verify their clients: by which trust store, or not at all."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .. import aws
from ..contracts import Verification, Verifier
from ..errors import ClmError, ConfigError, NotFoundError
from ._mutual_tls import EXPIRED, NAMES, SHARED, facts_of, in_force

NAME = "aws_elbv2_mutual_tls"
OFF, VERIFY = "off", "verify"
OPTIONS: Dict[str, Any] = {
    "listener_arn": {"type": "str", "required": True},
    "mode": {"type": "str", "choices": [OFF, "passthrough", VERIFY], "required": True},
    **SHARED,
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "A listener that verifies by a trust store": [
        {
            "Action": [
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeTrustStores",
                "elasticloadbalancing:ModifyListener",
            ],
            "Resource": "*",
        }
    ],
}
TLS = ("HTTPS", "TLS")
# what AWS calls what this collection writes of it, and what it says itself
OURS = ("Mode", "TrustStoreArn", "IgnoreClientCertificateExpiry", "AdvertiseTrustStoreCaNames", "TrustStoreAssociationStatus")


def create(options: Mapping[str, Any]) -> Verifier:
    """That of the listener; nothing is asked before it is used. ConfigError when an option is wrong."""
    arn = str(options["listener_arn"]).split(":")
    if len(arn) != 6 or arn[2] != "elasticloadbalancing" or not arn[5].startswith("listener/"):
        raise ConfigError(f"{str(options['listener_arn'])[:200]!r} is no ARN of a listener", field="listener_arn")
    if (options["mode"] == VERIFY) != bool(options.get("trust_store")):
        raise ConfigError("with mode verify it is needed, and with any other it says nothing", field="trust_store")
    return Listener(options, aws.Clients({**options, "region": arn[3]}))


class Listener:
    """Verifier."""

    def __init__(self, options: Mapping[str, Any], clients: aws.Clients) -> None:
        self._options, self._clients, self._arn = options, clients, str(options["listener_arn"])

    def identity(self) -> str:
        """The ARN."""
        return self._arn

    @property
    def _elb(self) -> Any:
        return self._clients.get("elbv2")

    def read(self) -> Verification:
        """What the listener says of it; ConfigError for one that speaks no TLS."""
        try:
            found = next(iter(aws.pages(self._elb, "describe_listeners", "Listeners", ListenerArns=[self._arn])), None)
        except ClmError as error:
            if aws.code_of(error) != "ListenerNotFound":
                raise
            found = None
        if found is None:
            raise NotFoundError(f"there is no listener {self._arn}", hint="name the listener that is there")
        if found.get("Protocol") not in TLS:
            raise ConfigError(f"{self._arn} speaks {found.get('Protocol')}, and only TLS has clients to verify", field="listener_arn")
        mutual = found.get("MutualAuthentication") or {}
        store = str(mutual.get("TrustStoreArn") or "") if mutual.get("Mode") == VERIFY else ""
        said = {EXPIRED: mutual.get("IgnoreClientCertificateExpiry"), NAMES: mutual.get("AdvertiseTrustStoreCaNames") == "on"}
        return Verification(facts_of(str(mutual.get("Mode") or OFF), store, said), mutual)

    def wanted(self, check_mode: bool) -> Mapping[str, Any]:
        """What the task asks for, with the ARN of its trust store."""
        mode = str(self._options["mode"])
        return facts_of(mode, self._trust_store(check_mode) if mode == VERIFY else "", self._options)

    def _trust_store(self, check_mode: bool) -> str:
        """The ARN of the trust store, which is in force; it is named by its name, or by its ARN where another account shares it."""
        name = str(self._options["trust_store"])
        given = {"TrustStoreArns": [name]} if name.startswith("arn:") else {"Names": [name]}
        try:
            rows = list(aws.pages(self._elb, "describe_trust_stores", "TrustStores", **given))
        except ClmError as error:
            if aws.code_of(error) != "TrustStoreNotFound":
                raise
            rows = []
        made_by = "aws_elbv2_trust_store in the region of the listener"
        return in_force(name, next(iter(rows), None), check_mode, key="TrustStoreArn", active="ACTIVE", made_by=made_by)

    def write(self, facts: Mapping[str, Any], before: Verification) -> None:
        """In one call; what the listener has beside of it, as filters for identities, goes back as it was read."""
        mutual: Dict[str, Any] = {"Mode": facts["mode"]}
        if facts["mode"] == VERIFY:
            mutual.update({name: value for name, value in before.ref.items() if name not in OURS})
            mutual.update(TrustStoreArn=facts["trust_store"], IgnoreClientCertificateExpiry=facts[EXPIRED])
            mutual["AdvertiseTrustStoreCaNames"] = "on" if facts[NAMES] else "off"
        with aws.told(f"elasticloadbalancing ModifyListener {self._arn}"):
            self._elb.modify_listener(ListenerArn=self._arn, MutualAuthentication=mutual)
