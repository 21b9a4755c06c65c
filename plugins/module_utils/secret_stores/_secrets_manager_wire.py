# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets Manager as the store `aws_secrets_manager` uses it: documents that are swapped only for what was read, and keys.

The document of a lineage is the version of its secret that has the stage AWSCURRENT. A new one is put there with a stage of no meaning,
and then AWSCURRENT is moved from the version that was read: AWS refuses that when the stage is no longer there, so of two writers one wins.
A key is a secret of its own, made once and never changed, because AWS deletes whole secrets, and never a version.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from .. import aws
from ..errors import ClmError, MalformedError, NotFoundError
from ..identifiers import is_name
from ..masking import Secret
from ._directory_version import VERSION_ID
from ._secrets_manager_document import Document, decode

DRAFT, CURRENT = "certops-clm-draft", "AWSCURRENT"
HELD = "certops-clm-held"  # the tag by which a lease is held for longer: fence, and until when
MISSING, EXISTS = "ResourceNotFoundException", "ResourceExistsException"
MOVED = ("InvalidParameterException", "InvalidRequestException")
TOGETHER = 20  # secrets in one BatchGetSecretValue


@dataclass(frozen=True)
class Kept:
    """A document, and the id of the version of the secret that holds it; empty while there is none."""

    document: Document
    id: str = ""


class Wire:
    """The secrets below one prefix in one region of one account."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options, self.prefix = options, str(options["prefix"])
        self._client: Any = None
        self._account = ""

    @property
    def client(self) -> Any:
        """The SDK's client, made when it is first needed."""
        if self._client is None:
            account, region = aws.account(self._options)
            self._client, self._sts = account.client("secretsmanager", region), account.client("sts", region)
        return self._client

    def place(self) -> str:
        """Account, region and prefix."""
        if not self._account:
            region = self.client.meta.region_name
            with aws.told("sts GetCallerIdentity"):
                self._account = f"{self._sts.get_caller_identity()['Account']}:{region}"
        return f"{self._account}:{self.prefix}"

    def read(self, lineage: str) -> Kept:
        """The document as it is now; an empty one when there is none."""
        try:
            with aws.told("secretsmanager GetSecretValue"):
                return _kept(self.client.get_secret_value(SecretId=self.prefix + lineage), lineage)
        except ClmError as error:
            if aws.code_of(error) == MISSING:
                return Kept(Document())
            raise

    def read_many(self, lineages: Sequence[str]) -> Dict[str, Kept]:
        """The documents of at most TOGETHER lineages that could be read; what is wrong with another one, `read` says."""
        with aws.told("secretsmanager BatchGetSecretValue"):
            answer = self.client.batch_get_secret_value(SecretIdList=[self.prefix + one for one in lineages])
        found: Dict[str, Kept] = {}
        for row in answer["SecretValues"]:
            lineage = str(row["Name"])[len(self.prefix) :]
            try:
                found[lineage] = _kept(row, lineage)
            except MalformedError:
                continue
        return found

    def swap(self, lineage: str, before: Kept, after: Document) -> Optional[Kept]:
        """Put the document in the place of the one that was read; None when somebody else was faster."""
        token, name, data = str(uuid.uuid4()), self.prefix + lineage, after.encode(lineage)
        if not before.id:
            return Kept(after, token) if self._create(name, token, "a lineage of certops.clm", SecretBinary=data) else None
        with aws.told("secretsmanager PutSecretValue"):
            self.client.put_secret_value(SecretId=name, ClientRequestToken=token, SecretBinary=data, VersionStages=[DRAFT])
        try:
            with aws.told("secretsmanager UpdateSecretVersionStage"):
                move = {"VersionStage": CURRENT, "RemoveFromVersionId": before.id, "MoveToVersionId": token}
                self.client.update_secret_version_stage(SecretId=name, **move)
        except ClmError as error:
            if aws.code_of(error) not in MOVED:
                raise
            return Kept(after, token) if self.read(lineage).id == token else None  # an answer that was lost, and asked for again
        return Kept(after, token)

    def hold(self, lineage: str, kept: Kept, text: str) -> bool:
        """Say by the tag until when the lease is held; False when the document is another one by now."""
        if self.held(lineage, kept) is None:
            return False
        with aws.told("secretsmanager TagResource"):
            self.client.tag_resource(SecretId=self.prefix + lineage, Tags=[{"Key": HELD, "Value": text}])
        return self.held(lineage, kept) is not None

    def held(self, lineage: str, kept: Kept) -> Optional[str]:
        """What the tag says; None when the document is another one by now."""
        with aws.told("secretsmanager DescribeSecret"):
            answer = self.client.describe_secret(SecretId=self.prefix + lineage)
        if CURRENT not in (answer.get("VersionIdsToStages") or {}).get(kept.id, ()):
            return None
        return next((str(tag["Value"]) for tag in answer.get("Tags") or () if tag["Key"] == HELD), "")

    def names(self, below: str = "") -> Iterator[str]:
        """The names below the prefix, without those that wait to be deleted."""
        wanted = self.prefix + below
        for row in aws.pages(self.client, "list_secrets", "SecretList", Filters=[{"Key": "name", "Values": [wanted]}]):
            if str(row["Name"]).startswith(wanted):
                yield str(row["Name"])[len(self.prefix) :]

    def lineages(self) -> List[str]:
        """The names of all lineages, sorted."""
        return sorted(name for name in self.names() if is_name(name))

    # --- keys ---

    def save_key(self, lineage: str, version: str, key: Secret) -> None:
        """The key has a secret; again with the same key is no error."""
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{lineage}/{version}"))
        name = f"{self.prefix}{lineage}/{version}"
        if not self._create(name, token, "a private key of certops.clm", SecretString=key.reveal().decode("ascii")):
            if self.key(lineage, version) != key:
                raise MalformedError(f"version {version} of {lineage} has another key already", field=lineage)

    def key(self, lineage: str, version: str) -> Secret:
        """The key as it was saved; NotFoundError when it is not there."""
        try:
            with aws.told("secretsmanager GetSecretValue"):
                return Secret(str(self.client.get_secret_value(SecretId=f"{self.prefix}{lineage}/{version}")["SecretString"]).encode())
        except ClmError as error:
            if aws.code_of(error) == MISSING:
                raise NotFoundError(f"version {version} of {lineage} has no key here") from None
            raise

    def drop_key(self, lineage: str, version: str, days: int) -> None:
        """The key is deleted, after so many days in which AWS could still restore it; it cannot be read meanwhile."""
        how: Dict[str, Any] = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        if self.has_key(lineage, version):
            with aws.told("secretsmanager DeleteSecret"):
                self.client.delete_secret(SecretId=f"{self.prefix}{lineage}/{version}", **how)

    def has_key(self, lineage: str, version: str) -> bool:
        """True while the key lies there and does not wait to be deleted."""
        try:
            with aws.told("secretsmanager DescribeSecret"):
                return not self.client.describe_secret(SecretId=f"{self.prefix}{lineage}/{version}").get("DeletedDate")
        except ClmError as error:
            if aws.code_of(error) == MISSING:
                return False
            raise

    def strays(self, lineage: str, document: Document) -> List[str]:
        """Versions whose key lies there although no document names them: a run was killed between the two."""
        found = [name.rpartition("/")[2] for name in self.names(f"{lineage}/")]
        return [version for version in found if VERSION_ID.match(version) and version not in document.versions]

    def _create(self, name: str, token: str, description: str, **value: Any) -> bool:
        key = {"KmsKeyId": self._options["kms_key_id"]} if self._options.get("kms_key_id") else {}
        try:
            with aws.told("secretsmanager CreateSecret"):
                self.client.create_secret(Name=name, ClientRequestToken=token, Description=description, **key, **value)
        except ClmError as error:
            if aws.code_of(error) == EXISTS:
                return False
            raise
        return True


def _kept(row: Mapping[str, Any], lineage: str) -> Kept:
    return Kept(decode(row.get("SecretBinary") or b"", lineage), str(row["VersionId"]))
