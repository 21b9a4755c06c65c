# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners of application and network load balancers: the default certificate, or one of those that are chosen by SNI.

A version is imported into ACM under an ARN of its own and bound by that, so the way back is the ARN that was bound before.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .. import aws
from ..contracts import Clock, Deployed, Proof, SecretStore, Target, Version, Where
from ..errors import ClmError, ConfigError, NotFoundError
from ..x509 import pem
from ..x509.certificate import Certificate
from ..x509.names import covers
from ._aws_clients import ACCESS_OPTIONS, Arn, Clients, asked
from ._aws_store import KEY_TYPES, LINEAGE, AcmStore, deployed, refuse_version
from ._served import AGAIN, MEND, Pace, Witness, endpoints_of

NAME = "aws_elbv2_listener"
OPTIONS: Dict[str, Any] = {
    "listener_arn": {"type": "str", "required": True},
    "sni": {"type": "bool", "default": False},
    **ACCESS_OPTIONS,
}
TLS = ("HTTPS", "TLS")
TOGETHER = 100  # listeners in one call


class ListenerTarget:
    """Listeners in any account and region. Nothing else of a listener is touched than the certificate of the place."""

    mend, again = MEND, AGAIN
    replaces_in_place = False

    def __init__(self, clock: Clock, witness: Witness, clients: Optional[Clients] = None) -> None:
        self._clock, self._witness = clock, witness
        self._clients = clients or Clients()
        self._store = AcmStore(self._clients)
        self._listeners: Dict[Tuple[Any, ...], Mapping[str, Any]] = {}

    def take_keys_from(self, store: SecretStore) -> None:
        """Read keys there, each when it is imported."""
        self._store.keys = store

    # --- reading ---

    def prefetch(self, wheres: Sequence[Where]) -> None:
        """One listing for up to 100 listeners; what it cannot tell is asked for by itself, where its error belongs."""
        groups: Dict[Tuple[Any, ...], List[Where]] = {}
        for where in wheres:
            groups.setdefault((*self._clients.key(where), *str(where.get("listener_arn")).split(":")[3:4]), []).append(where)
        for group in groups.values():
            arns = list(dict.fromkeys(str(where["listener_arn"]) for where in group))
            for start in range(0, len(arns), TOGETHER):
                try:
                    self._list(group[0], arns[start : start + TOGETHER])
                except ClmError:
                    continue

    def _list(self, where: Where, arns: Sequence[str]) -> None:
        client = self._client(where)
        for listener in aws.pages(client, "describe_listeners", "Listeners", ListenerArns=list(arns)):
            self._listeners[self._scope(where, listener["ListenerArn"])] = listener

    def _client(self, where: Where) -> Any:
        return self._clients.get(where, "elbv2", self._arn(where).region)

    def _arn(self, where: Where) -> Arn:
        return Arn.parse(where.get("listener_arn"), "elasticloadbalancing", "listener_arn")

    def _scope(self, where: Where, arn: str) -> Tuple[Any, ...]:
        return (*self._clients.key(where), arn)

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

    def read(self, where: Where) -> Optional[Deployed]:
        """What is bound: by default the listener's own, with `sni` the one of this lineage, else a foreign one for the same names."""
        if not where.get("sni"):
            bound = [str(one["CertificateArn"]) for one in self._listener(where).get("Certificates") or ()]
            return deployed(self._store.chain(where, bound[0]), bound[0]) if bound else None
        self._listener(where)
        mine, foreign = self._sni(where)
        names = [endpoint.name for endpoint in endpoints_of(where)]
        alike = [arn for arn in foreign if any(covers(one, name) for one in self._leaf(where, arn).dns_names for name in names)]
        found = [deployed(self._store.chain(where, arn), arn) for arn in mine or alike]
        return max(found, key=lambda one: (one.not_after is not None, one.not_after), default=None)

    def _sni(self, where: Where) -> Tuple[List[str], List[str]]:
        """The ARNs in the listener's list: this lineage's, and those of no lineage."""
        arn = self._arn(where)
        rows = list(aws.pages(self._client(where), "describe_listener_certificates", "Certificates", ListenerArn=arn.text))
        listed = [str(one["CertificateArn"]) for one in rows if not one.get("IsDefault")]
        owner = {one: tags.get(LINEAGE) for one, tags in self._store.owned(where, arn.region).items()}
        lineage = str(where.get("lineage") or "")
        return [one for one in listed if owner.get(one) == lineage], [one for one in listed if one not in owner]

    def _leaf(self, where: Where, arn: str) -> Certificate:
        return Certificate.parse(pem.split(self._store.chain(where, arn))[0].der)

    # --- writing ---

    def plan(self, wheres: Sequence[Tuple[Where, Version]]) -> List[Optional[ClmError]]:
        """What speaks against each before any write: a version that ACM would not take."""
        answers: List[Optional[ClmError]] = []
        for _where, version in wheres:
            try:
                refuse_version(version, self._clock(), KEY_TYPES, "ACM")
                answers.append(None)
            except ClmError as error:
                answers.append(error)
        return answers

    def put(self, where: Where, version: Version) -> str:
        """The ARN of the version in the listener's account and region; several listeners share it."""
        return self._store.place(where, self._arn(where).region, version)

    def bind(self, where: Where, ref: str) -> None:
        """Bind the ARN; RefusedError when AWS changed nothing."""
        arn = self._arn(where).text
        if not where.get("sni"):
            with asked(f"elasticloadbalancing ModifyListener {arn}"):
                self._client(where).modify_listener(ListenerArn=arn, Certificates=[{"CertificateArn": ref}])
            self._listeners.pop(self._scope(where, arn), None)
            return
        mine, foreign = self._sni(where)
        if ref not in (*mine, *foreign):
            with asked(f"elasticloadbalancing AddListenerCertificates {arn}"):
                self._client(where).add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": ref}])
        names = set(self._leaf(where, ref).dns_names)
        over = [one for one in mine if one != ref]
        over += [one for one in foreign if one != ref and set(self._leaf(where, one).dns_names) <= names]  # no name is lost
        self._take_off(where, over)

    def _take_off(self, where: Where, arns: Sequence[str]) -> None:
        if arns:
            with aws.told(f"elasticloadbalancing RemoveListenerCertificates {self._arn(where).text}"):
                certificates = [{"CertificateArn": one} for one in arns]
                self._client(where).remove_listener_certificates(ListenerArn=self._arn(where).text, Certificates=certificates)

    def drop(self, ref: str, where: Optional[Where] = None) -> None:
        """Delete a version from ACM; RefusedError while anything uses it."""
        self._store.drop(where or {}, ref)

    # --- proof ---

    def prove_many(self, pairs: Sequence[Tuple[Where, str]]) -> List[Proof]:
        """Look at all of them with new connections."""
        return self._witness.prove_many([(endpoints_of(where), sha256) for where, sha256 in pairs])

    def prove(self, where: Where, sha256: str) -> Proof:
        """Look at one."""
        return self.prove_many([(where, sha256)])[0]


def create(options: Mapping[str, Any], clock: Clock) -> Target:
    """The target; of the options only those of the proof's pace are read, for each place names its own account."""
    return ListenerTarget(clock, Witness(Pace.of(options)))
