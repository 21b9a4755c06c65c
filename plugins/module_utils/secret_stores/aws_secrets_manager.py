# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `aws_secrets_manager`: a lineage is a secret of Secrets Manager, and each of its keys one below it.

`<prefix><lineage>` is the document of the lineage (_secrets_manager_document.py), and `<prefix><lineage>/<version>` a key in PEM. Who may
write is in the document too, and it is only replaced by whoever read what is there now (_secrets_manager_wire.py): an older fence is
refused by AWS itself, also when a controller stood still or its clock is wrong. What was saved goes to AWS with `flush`: keys first.
"""

from __future__ import annotations

import getpass
import re
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional

from .. import aws, files
from ..contracts import VERSION_STATES, Clock, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, MalformedError, NotFoundError
from ..masking import Secret
from ._directory_keys import seal, unseal
from ._directory_version import VERSION_ID, merged
from ._secrets_manager_document import Document
from ._secrets_manager_leasing import LEASE_SECONDS, Held, Leasing, lease_seconds, lost
from ._secrets_manager_wire import TOGETHER, Wire

NAME = "aws_secrets_manager"
OPTIONS: Dict[str, Dict[str, Any]] = {
    **aws.ONE,
    "prefix": {"type": "str", "default": "certops-clm/"},
    "kms_key_id": {"type": "str"},
    "recovery_days": {"type": "int", "default": 7},
    "lease_seconds": {"type": "int", "default": LEASE_SECONDS},
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "To issue, deploy and clean up": [
        {"Action": ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"], "Resource": "*"},
        {
            "Action": [
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:TagResource",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            "Resource": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:certops-clm/*",
        },
    ],
    "To issue, deploy and clean up with ``kms_key_id``": [
        {"Action": ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"], "Resource": "*"},
        {
            "Action": [
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:TagResource",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            "Resource": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:certops-clm/*",
        },
        {
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555",
        },
    ],
    "To read what is kept": [
        {"Action": ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"], "Resource": "*"},
        {
            "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            "Resource": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:certops-clm/*",
        },
    ],
}
PREFIX = re.compile(r"[A-Za-z0-9_+=.@/-]{1,200}/\Z")
SIDE_BY_SIDE = 8  # lineages that are written at once


def create(options: Mapping[str, Any], clock: Clock) -> SecretStore:
    """The store that the options describe; nothing is asked before it is used."""
    given: Dict[str, Any] = {name: spec.get("default") if options.get(name) is None else options[name] for name, spec in OPTIONS.items()}
    if not PREFIX.match(str(given["prefix"])):
        raise ConfigError("ends with a slash, and has letters, digits and _+=.@/- only", field="secret_store.prefix")
    days = int(given["recovery_days"])
    if days and not 7 <= days <= 30:
        raise ConfigError(f"must be 0, or from 7 to 30, and is {days}", field="secret_store.recovery_days")
    return SecretsManagerStore(Wire(given), clock, f"{getpass.getuser()}@{socket.gethostname()}", lease_seconds(given), days)


class SecretsManagerStore(Leasing):
    """A SecretStore in Secrets Manager. What was saved is read back at once by this object, and by others after `flush`."""

    def __init__(self, wire: Wire, clock: Clock, owner: str, seconds: int, recovery_days: int) -> None:
        super().__init__(wire, clock, owner, seconds)
        self._days = recovery_days
        self._queue: List[str] = []  # lineages that were listed and not read yet

    def identity(self) -> str:
        """Account, region and prefix."""
        return f"{NAME}:{self._wire.place()}"

    # --- writing ---

    def new_version(self, lineage: str) -> str:
        """The next number and 8 random hex digits."""
        last = max(self._document(lineage).versions, default="000000")
        return f"{int(last[:6]) + 1:06d}-{secrets.token_hex(4)}"

    def save(self, lease: Lease, version: StoredVersion) -> None:
        """Write or replace a version: what it leaves empty (key, request, chain, SHA-256s) stays, a key and a chain never change."""
        if version.lineage != lease.lineage or not VERSION_ID.match(version.version) or version.state not in VERSION_STATES:
            raise ConfigError(f"version {version.version!r} ({version.state}) of {version.lineage} cannot be saved under {lease.lineage}")
        with self._lock:
            held = self._fenced(lease)
            key = None if version.key is None else Secret(seal(version.key, None))
            before = held.after.version(lease.lineage, version.version)
            whole = replace(version, key=None) if before is None else merged(before, version)
            has_key = held.after.has_key(version.version)
            held.after = held.after.with_version(whole, has_key or key is not None)
            if key is not None and not has_key:
                held.keys[version.version] = key

    def promote(self, lease: Lease, version: str) -> None:
        """Make a version with a certificate the current one, with the next `flush`."""
        with self._lock:
            held = self._fenced(lease)
            found = held.after.version(lease.lineage, version)
            if found is None or not found.chain_pem:
                raise NotFoundError(f"version {version} of {lease.lineage} has no certificate: it cannot be the current one")
            held.after = replace(held.after, current=version)

    def flush(self) -> None:
        """Make everything saved and promoted durable; an error of one lineage loses no other, and it is read again."""
        with self._lock:
            waiting = {name: held for name, held in self._held.items() if held.dirty}
            if not waiting:
                return
            with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(waiting)), "clm-secrets") as pool:
                problems = [one for one in pool.map(lambda item: self._write(*item), waiting.items()) if one is not None]
            if problems:
                raise problems[0]

    def _write(self, lineage: str, held: Held) -> Optional[ClmError]:
        """Keys, then the document; what is wrong ends the lease for this object."""
        try:
            for version, key in held.keys.items():
                self._wire.save_key(lineage, version, key)
            kept = self._wire.swap(lineage, held.kept, held.after)
            if kept is None:
                for version in held.keys:  # whoever took over knows nothing of them
                    self._wire.drop_key(lineage, version, 0)
                raise lost(held.lease)
        except ClmError as error:
            self._held.pop(lineage, None)
            return error
        held.kept, held.keys = kept, {}
        if held.ending:
            self._held.pop(lineage, None)
        return None

    def drop(self, lease: Lease, version: StoredVersion) -> None:
        """See the protocol VersionDropper: AWS deletes the key after `recovery_days`, and it cannot be read from now on."""
        self._may_drop(lease, version)
        with self._lock:
            held = self._fenced(lease)
            before = held.after.version(lease.lineage, version.version)
            if before is None:
                raise NotFoundError(f"there is no version {version.version} of {lease.lineage}")
            held.after = held.after.with_version(merged(before, version), False)
            self.flush()
            self._wire.drop_key(lease.lineage, version.version, self._days)

    def holds_key(self, lineage: str, version: str) -> bool:
        """True while the key lies there and does not wait to be deleted."""
        return bool(VERSION_ID.match(version)) and self._wire.has_key(files.check_name(lineage, "lineage"), version)

    # --- reading ---

    def load(self, lineage: str, version: Optional[str] = None) -> Optional[StoredVersion]:
        """A version without its key; MalformedError when it is damaged, None when there is none."""
        document = self._document(lineage)
        wanted = version or document.current
        if version is None and wanted and wanted not in document.versions:
            raise MalformedError(f"the current version {wanted} is gone", field=lineage, hint="run lineage_version to choose another")
        return document.version(lineage, wanted)

    def key(self, ref: KeyRef) -> Secret:
        """The private key that the reference names, unencrypted PKCS#8."""
        lineage = files.check_name(ref.lineage, "lineage")
        if not VERSION_ID.match(ref.version):
            raise NotFoundError(f"{lineage} has no version {ref.version!r}")
        held = self._held.get(lineage)
        key = held.keys.get(ref.version) if held else None
        try:
            return unseal((key or self._wire.key(lineage, ref.version)).reveal(), None, ref.spki_sha256)
        except MalformedError as error:
            raise MalformedError(error.message, hint=error.hint, field=f"key of {lineage} {ref.version}") from None

    def versions(self, lineage: str) -> List[StoredVersion]:
        """Every version, oldest first; a damaged one is listed as rejected, with meta['malformed']."""
        document = self._document(lineage)
        return [_or_say(document, lineage, version) for version in sorted(document.versions)]

    def current(self, lineage: str) -> Optional[str]:
        """The id of the current version, None when there is none."""
        return self._document(lineage).current or None

    def lineages(self) -> Iterator[str]:
        """The names of all lineages, sorted; their documents are then read many at a time."""
        found = self._wire.lineages()
        with self._lock:
            self._queue, self._ahead = list(found), {}
        return iter(found)

    def _document(self, lineage: str) -> Document:
        """What is there now, or what this object is about to write; of a listing as it was when it was read."""
        files.check_name(lineage, "lineage")
        with self._lock:
            held = self._held.get(lineage)
            if held is not None and held.dirty:
                return held.after
            if lineage not in self._ahead and lineage in self._queue:
                start = self._queue.index(lineage)
                part, self._queue = self._queue[start : start + TOGETHER], self._queue[start + TOGETHER :]
                self._ahead = self._wire.read_many(part)
            ahead = self._ahead.get(lineage)
            return ahead.document if ahead is not None else self._wire.read(lineage).document


def _or_say(document: Document, lineage: str, version: str) -> StoredVersion:
    try:
        return document.version(lineage, version) or StoredVersion(lineage, version, "rejected")
    except ClmError as error:
        return StoredVersion(lineage, version, "rejected", meta={"malformed": error.message})
