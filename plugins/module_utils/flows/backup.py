# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One encrypted file with everything that a controller keeps: what is not encrypted never leaves this process."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field, replace
from typing import IO, Any, Callable, Dict, Iterator, List

from .. import durable, files
from ..contracts import DROPPED, RETIRED, Clock, KeyRef, SecretStore, StoredVersion
from ..errors import ConfigError, MalformedError, NotFoundError
from ..manifest import Manifest
from ..masking import Secret
from ..sealed_file import Sealer
from ._backup_parts import folders_of, names_in, parts_of, pieces
from ._backup_records import FORMAT, Record, check, of_version, pack

Seal = Callable[[IO[bytes], Secret], Sealer]
TRIES = 3  # for a lineage that somebody is writing to


@dataclass
class _Read:
    """One lineage as it was read; `whole` when nothing is damaged and nothing changed meanwhile."""

    current: str = ""
    records: List[Record] = field(default_factory=list)
    problems: List[str] = field(default_factory=list)
    whole: bool = False


class Backup:
    """What is written: the records in their order, and meanwhile what was counted and what was damaged."""

    def __init__(self, manifest: Manifest, store: SecretStore, local_ca: bool, allow_damaged: bool) -> None:
        self._manifest, self._store = manifest, store
        self._local_ca, self._allow_damaged = local_ca, allow_damaged
        self.damaged: List[str] = []
        self.counts = {"lineages": 0, "versions": 0, "private_keys": 0, "files": 0}

    def records(self, now: str) -> Iterator[Record]:
        """Every record; ConfigError for a damaged version, unless damaged ones are left out and named."""
        yield {"kind": "backup", "format": FORMAT, "created": now, "store": self._store.identity()}
        for lineage in self._store.lineages():
            yield from self._lineage(lineage)
        for part in parts_of(self._manifest, self._local_ca):
            for name in names_in(part):
                for record in pieces(part, name):
                    self.counts["files"] += not record["more"]
                    yield record
        yield {"kind": "end", **self.counts}

    def _lineage(self, lineage: str) -> Iterator[Record]:
        """The lineage as it is at one moment; what somebody is changing meanwhile is read again, and what stays damaged is told."""
        for _again in range(TRIES):
            read = self._read(lineage)
            if read.whole:
                break
        for problem in read.problems:
            self._leave_out(problem)
        self.counts["lineages"] += 1
        yield {"kind": "lineage", "lineage": lineage, "current": read.current}
        for record in read.records:
            self.counts["versions"] += 1
            self.counts["private_keys"] += bool(record["key"])
            yield record

    def _read(self, lineage: str) -> _Read:
        read = _Read()
        try:
            read.current = self._store.current(lineage) or ""  # before the versions: then it is one of them
        except MalformedError as error:
            read.problems.append(f"{lineage}: {error.message}")
        versions = self._store.versions(lineage)
        for version in versions:
            self._add(read, version)
        if read.current and read.current not in [one["version"] for one in read.records]:
            read.problems.append(f"{lineage}: its current version {read.current} cannot be backed up")
            read.current = ""
        read.whole = not read.problems and self._store.versions(lineage) == versions
        return read

    def _add(self, read: _Read, version: StoredVersion) -> None:
        """The version's record, or why there is none."""
        name = f"version {version.version} of {version.lineage}"
        try:
            if version.meta.get("malformed"):
                raise MalformedError(str(version.meta["malformed"]))
            key = self._key(version)
            check(version, key)
        except MalformedError as error:
            read.problems.append(error.message if name in error.message else f"{name}: {error.message}")
            return
        read.records.append(of_version(replace(version, key=None), key))

    def _key(self, version: StoredVersion) -> Any:
        if version.state in (DROPPED, RETIRED):
            return None
        try:
            return self._store.key(KeyRef(self._store.identity(), version.lineage, version.version, version.spki_sha256))
        except NotFoundError:  # the key is on its server, or with its issuer
            return None

    def _leave_out(self, problem: str) -> None:
        """ConfigError, unless what is damaged is left out."""
        if not self._allow_damaged:
            raise ConfigError(
                f"{problem}: a backup would be without it, so none was written",
                hint="mend it (secret_store_info names what is damaged), or set allow_damaged to leave it out",
            )
        self.damaged.append(problem)


def write_backup(
    path: str,
    passphrase: Secret,
    manifest: Manifest,
    store: SecretStore,
    clock: Clock,
    *,
    local_ca: bool,
    allow_damaged: bool,
    check_mode: bool = False,
    seal: Seal = Sealer,
) -> Dict[str, Any]:
    """Write the backup, whole and durable or not at all; returns what is in it. In check mode everything is read, nothing written."""
    path = os.path.abspath(os.path.expanduser(path))
    refuse_inside(path, manifest, local_ca)
    backup = Backup(manifest, store, local_ca, allow_damaged)
    records = backup.records(clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
    facts: Dict[str, Any] = {"path": path, "sha256": "", "size": 0}
    if check_mode:
        for _record in records:
            pass
    else:
        facts.update(_write(path, records, passphrase, seal))
    return {**facts, **backup.counts, "damaged": backup.damaged}


def refuse_inside(path: str, manifest: Manifest, local_ca: bool) -> None:
    """ConfigError when the backup would lie in what it is a backup of."""
    for folder in folders_of(manifest, local_ca):
        inside = os.path.realpath(folder)
        if os.path.commonpath((os.path.realpath(path), inside)) == inside:
            raise ConfigError(f"the backup would lie in {folder}, which it is a backup of", field="path", hint="choose another place")


def _write(path: str, records: Iterator[Record], passphrase: Secret, seal: Seal) -> Dict[str, Any]:
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)[:100]}.clm-{secrets.token_hex(8)}.tmp")
    passphrase.reveal()
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            sealer = seal(file, passphrase)
            for record in records:
                sealer.write(pack(record))
            sealer.close()
            file.flush()
            os.fsync(file.fileno())
            facts = {"sha256": _digest(file), "size": file.tell()}
        os.rename(temporary, path)
        durable.sync_folder(os.path.dirname(path))
    except BaseException as error:
        files.remove(temporary)
        if isinstance(error, OSError):
            raise files.explain(error, path, "write the backup to") from error
        raise
    return facts


def _digest(file: IO[bytes]) -> str:
    """The SHA-256 of the whole file, read back; leaves the file at its end."""
    found = hashlib.sha256()
    file.seek(0)
    for data in iter(lambda: file.read(1024 * 1024), b""):
        found.update(data)
    return found.hexdigest()
