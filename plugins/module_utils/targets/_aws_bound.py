# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets of AWS where a place names a certificate: the version is put into ACM under an ARN of its own, and the place is bound to it.

What differs from one service to the next is a `Binding`; the way back is the ARN that was bound before.
"""

from __future__ import annotations

from typing import Any, Callable, Collection, List, Mapping, Optional, Protocol, Sequence, Tuple

from ..contracts import Clock, Deployed, Proof, SecretStore, Version, Where
from ..errors import ClmError, ConfigError
from ._aws_clients import Arn, PlaceClients
from ._aws_iam import IamStore, is_iam
from ._aws_store import AcmStore, deployed, refuse_version
from ._served import AGAIN, MEND, Pace, Witness, endpoints_of


class Binding(Protocol):
    """How one service binds certificates. An ARN is one of ACM, or of IAM where somebody else bound that."""

    def takes(self, where: Where) -> Tuple[Tuple[str, ...], str]:
        """The types of keys that may be bound there, and for messages who takes only these."""

    def region(self, where: Where) -> str:
        """Where a certificate for the place must be."""

    def prefetch(self, wheres: Sequence[Where]) -> None:
        """List once for all of them; what a listing cannot tell is asked for later, where its error belongs."""

    def bound(self, where: Where) -> str:
        """The ARN that is bound there now, empty when none is; ClmError when there is no such place."""

    def bind(self, where: Where, arn: str) -> None:
        """Bind the ARN and touch nothing else; RefusedError when AWS changed nothing."""


class BoundTarget:
    """Places of one service in any account and region."""

    mend, again = MEND, AGAIN
    replaces_in_place = False

    def __init__(self, clock: Clock, witness: Witness, store: AcmStore, binding: Binding) -> None:
        self._clock, self._witness, self._store, self._binding = clock, witness, store, binding
        self._iam = IamStore(store)

    def take_keys_from(self, store: SecretStore) -> None:
        """Read keys there, each when it is imported."""
        self._store.keys = store

    def prefetch(self, wheres: Sequence[Where]) -> None:
        """As few listings as the service needs."""
        self._binding.prefetch(wheres)

    def read(self, where: Where) -> Optional[Deployed]:
        """What is bound there; its ref is the ARN."""
        arn = self._binding.bound(where)
        return deployed(self._store.chain(where, arn), arn) if arn else None

    def plan(self, wheres: Sequence[Tuple[Where, Version]]) -> List[Optional[ClmError]]:
        """What speaks against each before any write: a version that AWS would not take."""
        return [self._refusal(where, version) for where, version in wheres]

    def _refusal(self, where: Where, version: Version) -> Optional[ClmError]:
        try:
            key_types, who = self._binding.takes(where)
            refuse_version(version, self._clock(), key_types, who, bool(version.held))
            if version.held:
                self._refuse_held(where, version)
        except ClmError as error:
            return error
        return None

    def _refuse_held(self, where: Where, version: Version) -> None:
        """ConfigError for what is kept where the place cannot be bound to it, or is another certificate by now."""
        kept, wanted = Arn.parse(version.held, "acm", "version"), self.held_in(where)
        if f"acm:{kept.account}:{kept.region}" != wanted:
            hint = f"have it issued in {wanted}, by an issuer of that account and region"
            raise ConfigError(f"its key is kept in acm:{kept.account}:{kept.region}, and the place takes one of {wanted}", hint=hint)
        found = deployed(self._store.chain(where, kept.text), kept.text).sha256
        if found != version.sha256:
            text = f"{kept.text} is {found} by now: ACM has renewed it"
            raise ConfigError(text, hint="run certops.clm.rotate, or the module that issued it, which takes it up as a new version")

    def held_in(self, where: Where) -> str:
        """The account and region of the place's certificates in ACM."""
        if where.get("store") == "iam":
            return "iam"
        region = self._binding.region(where)
        return f"acm:{self._store.clients.account(where, region).id}:{region}"

    def put(self, where: Where, version: Version) -> str:
        """The ARN of the version in the account and region of the place, in ACM or IAM; all places there share it.

        What ACM has issued itself has one already.
        """
        if version.held:
            return version.held
        if where.get("store") == "iam":
            return self._iam.place(where, version)
        return self._store.place(where, self._binding.region(where), version)

    def bind(self, where: Where, ref: str) -> None:
        """Bind the ARN; RefusedError when AWS changed nothing."""
        self._binding.bind(where, ref)

    def copies(self, where: Where, sha256s: Collection[str]) -> Mapping[str, str]:
        """Those that were put for this lineage in the account and region of the place, from one listing."""
        if where.get("store") == "iam":
            return self._iam.copies(where, sha256s)
        return self._store.copies(where, self._binding.region(where), sha256s)

    def users(self, where: Where, ref: str) -> Sequence[str]:
        """Who ACM says uses it; IAM does not tell before it refuses to delete."""
        return [] if is_iam(ref) else self._store.users(where, ref)

    def drop(self, where: Where, ref: str) -> None:
        """Delete a version from ACM or IAM; RefusedError while anything uses it."""
        (self._iam if is_iam(ref) else self._store).drop(where, ref)

    def prove_many(self, pairs: Sequence[Tuple[Where, str]]) -> List[Proof]:
        """Look at all of them with new connections."""
        return self._witness.prove_many([(endpoints_of(where), sha256) for where, sha256 in pairs])

    def prove(self, where: Where, sha256: str) -> Proof:
        """Look at one."""
        return self.prove_many([(where, sha256)])[0]


def create_bound(options: Mapping[str, Any], clock: Clock, bind: Callable[[PlaceClients, AcmStore], Binding]) -> BoundTarget:
    """The target; of the options only those of the proof's pace are read, for each place names its own account."""
    clients = PlaceClients()
    store = AcmStore(clients)
    return BoundTarget(clock, Witness(Pace.of(options)), store, bind(clients, store))
