# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate of ACM that keeps its ARN: a new version is imported in its place, and whatever uses the ARN serves it.

Putting is binding here. The way back is the earlier version, imported again from the secret store.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .. import aws
from ..contracts import Clock, Deployed, KeyRef, Proof, SecretStore, Target, Version, Where
from ..errors import ClmError, ConfigError, known
from ..x509 import pem
from ..x509.certificate import Certificate
from ._aws_clients import Arn, PlaceClients
from ._aws_store import DEPLOYMENT, KEY_TYPES, AcmStore, deployed, leaf_of, refuse_version, tags_of
from ._served import AGAIN, MEND, Pace, Witness, endpoints_of

NAME = "aws_acm"
OPTIONS: Dict[str, Any] = {
    "certificate_arn": {"type": "str", "shared": False},  # without it each deployment has one of its own
    "region": {"type": "str"},
    "allow_no_rollback": {"type": "bool", "default": False},
    **aws.ACCESS,
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "With ``certificate_arn``": [
        {"Action": ["acm:AddTagsToCertificate", "acm:DescribeCertificate", "acm:GetCertificate", "acm:ImportCertificate"], "Resource": "*"}
    ],
    "Without ``certificate_arn``, where the certificate is found by its tag": [
        {
            "Action": [
                "acm:AddTagsToCertificate",
                "acm:DescribeCertificate",
                "acm:GetCertificate",
                "acm:ImportCertificate",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
}
IMPORTED = "IMPORTED"
# Of an earlier import these must stay, https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html, but for its exceptions.
MAY_GO = {"key_usage": ("key_encipherment",), "extended_key_usage": ("client_auth",)}


class AcmTarget:
    """Certificates of ACM by their ARN, or by the deployment's id in a tag where no ARN is given: then the first one is imported."""

    mend, again = MEND, AGAIN
    replaces_in_place = True

    def __init__(self, clock: Clock, witness: Witness, clients: Optional[PlaceClients] = None) -> None:
        self._clock, self._witness = clock, witness
        self._acm = AcmStore(clients or PlaceClients())

    def take_keys_from(self, store: SecretStore) -> None:
        """Read keys and earlier versions there."""
        self._acm.keys = store

    # --- reading ---

    def _arn(self, where: Where) -> str:
        """The ARN of the place, empty while nothing was imported there."""
        if where.get("certificate_arn"):
            return Arn.parse(where["certificate_arn"], "acm", "certificate_arn").text
        if not where.get("region"):
            raise ConfigError("certificate_arn or region is needed", field="region")
        owned = self._acm.owned(where, str(where["region"]))
        return next((arn for arn, tags in owned.items() if tags.get(DEPLOYMENT) == str(where.get("id"))), "")

    def _region(self, where: Where) -> str:
        arn = self._arn(where)
        return Arn.parse(arn, "acm", "certificate_arn").region if arn else str(where["region"])

    def read(self, where: Where) -> Optional[Deployed]:
        """What has the ARN now; its ref is empty where the secret store could not bring it back."""
        arn = self._arn(where)
        if not arn:
            return None
        found = deployed(self._acm.chain(where, arn), "")
        return deployed(found.chain_pem, self._ref_of(where, found.sha256))

    def _ref_of(self, where: Where, sha256: str) -> str:
        """The version in the secret store that has this certificate and its key, empty when none has."""
        store = known(self._acm.keys, "the secret store")
        for one in store.versions(str(where.get("lineage") or "")):
            if one.sha256 == sha256:
                try:
                    store.key(KeyRef(store.identity(), one.lineage, one.version, one.spki_sha256))
                except ClmError:
                    return ""
                return one.version
        return ""

    # --- writing ---

    def plan(self, wheres: Sequence[Tuple[Where, Version]]) -> List[Optional[ClmError]]:
        """What speaks against each before any write: a version that ACM would not take, or not in place of what is there."""
        answers: List[Optional[ClmError]] = []
        for where, version in wheres:
            try:
                refuse_version(version, self._clock(), KEY_TYPES, "ACM")
                self._refuse_in_place(where, version)
                answers.append(None)
            except ClmError as error:
                answers.append(error)
        return answers

    def _refuse_in_place(self, where: Where, version: Version) -> None:
        arn = self._arn(where)
        if not arn:
            return
        kind = self._acm.details(where, arn).get("Type")
        if kind != IMPORTED:
            raise ConfigError(f"{arn} is {kind}: ACM renews it itself, and nothing can be imported in its place", field="certificate_arn")
        present, wanted = Certificate.parse(pem.split(self._acm.chain(where, arn))[0].der), leaf_of(version)
        for name, exceptions in MAY_GO.items():
            lost = set(getattr(present, name)) - set(getattr(wanted, name)) - set(exceptions)
            if lost:
                hint = "add them to usages in the lineage's profile, or deploy to a new ARN"
                raise ConfigError(f"ACM does not let {name} lose {', '.join(sorted(lost))} when importing in place", hint=hint)

    def put(self, where: Where, version: Version) -> str:
        """The version's id in the secret store, where its key is seen to be: nothing is sent before the bind, which is the import."""
        ref = known(version.key, "the key")
        known(self._acm.keys, "the secret store").key(ref)
        return ref.version

    def bind(self, where: Where, ref: str) -> None:
        """Import that version of the lineage in place; RefusedError when AWS changed nothing."""
        version, arn = self._version(where, ref), self._arn(where)
        region, tags = self._region(where), tags_of(where, version, **{DEPLOYMENT: str(where.get("id") or "")})
        if arn:  # first, for once it is imported a refusal would change something
            self._acm.tag(where, arn, tags)
        written = self._acm.write(where, region, version, arn, tags)
        self._acm.note(where, region, written, tags)

    def _version(self, where: Where, ref: str) -> Version:
        store = known(self._acm.keys, "the secret store")
        kept = store.load(str(where.get("lineage") or ""), ref)
        if kept is None:
            raise ClmError(f"version {ref} of {where.get('lineage')} is not in the secret store", hint="restore the store from its backup")
        key = KeyRef(store.identity(), kept.lineage, kept.version, kept.spki_sha256)
        return Version(kept.sha256, kept.chain_pem, kept.spki_sha256, key)

    # --- proof ---

    def prove_many(self, pairs: Sequence[Tuple[Where, str]]) -> List[Proof]:
        """Look at all of them with new connections."""
        return self._witness.prove_many([(endpoints_of(where), sha256) for where, sha256 in pairs])

    def prove(self, where: Where, sha256: str) -> Proof:
        """Look at one."""
        return self.prove_many([(where, sha256)])[0]


def create(options: Mapping[str, Any], clock: Clock) -> Target:
    """The target; of the options only those of the proof's pace are read, for each place names its own account."""
    return AcmTarget(clock, Witness(Pace.of(options)))
