# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a backup whole, before a byte of it is used: every chunk opened, every key and chain checked, every count right."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from typing import IO, Any, Dict, Iterator, Tuple

from .. import files
from ..errors import MalformedError
from ..identifiers import is_name
from ..masking import Secret
from ..sealed_file import unsealed
from ._backup_records import FORMAT, Record, data_of, fingerprint, records, version_of

MANIFEST = "manifest"


@dataclass
class Held:
    """A file in the backup: its bytes' size and SHA-256, and its mode."""

    mode: int
    size: int = 0
    sha256: str = ""


@dataclass
class Index:
    """What is in a backup, without keys: fingerprints of versions by lineage, files by part and name, the manifest's bytes."""

    created: str = ""
    current: Dict[str, str] = field(default_factory=dict)
    versions: Dict[str, Dict[str, str]] = field(default_factory=dict)
    files: Dict[Tuple[str, str], Held] = field(default_factory=dict)
    manifest: bytes = b""
    keys: int = 0

    @property
    def counts(self) -> Dict[str, int]:
        """The counts, as the backup's end has them."""
        versions = sum(len(one) for one in self.versions.values())
        return {"lineages": len(self.current), "versions": versions, "private_keys": self.keys, "files": len(self.files)}


def open_backup(path: str) -> IO[bytes]:
    """The file, to be read more than once; NotFoundError when it is not there."""
    try:
        return open(os.path.expanduser(path), "rb")
    except OSError as error:
        raise files.explain(error, path, "read the backup") from error


def read_records(file: IO[bytes], passphrase: Secret, path: str) -> Iterator[Record]:
    """Every record from the beginning; MalformedError begins with the path."""
    file.seek(0)
    try:
        yield from records(unsealed(file, passphrase))
    except MalformedError as error:
        raise MalformedError(f"{path}: {error.message}", hint="nothing was written; take another copy of the backup") from None


def read_index(file: IO[bytes], passphrase: Secret, path: str) -> Index:
    """What is in the backup, when all of it is sound; else MalformedError."""
    index, ended, hashing = Index(), False, hashlib.sha256()
    for number, record in enumerate(read_records(file, passphrase, path)):
        if (record["kind"] == "backup") != (number == 0) or ended:
            raise MalformedError(f"{path} is no backup")
        if record["kind"] == "backup":
            if record.get("format") != FORMAT:
                raise MalformedError(f"{path} has format {str(record.get('format'))[:20]}, this release reads {FORMAT}")
            index.created = str(record.get("created", ""))[:40]
        elif record["kind"] == "file":
            hashing = _add_file(index, record, hashing)
        elif record["kind"] == "end":
            ended = {name: record.get(name) for name in index.counts} == index.counts
        else:
            _add(index, record, path)
    if not ended:
        raise MalformedError(f"{path} does not end as it should: nothing of it can be used")
    return index


def _add(index: Index, record: Record, path: str) -> None:
    lineage = str(record.get("lineage"))
    if record["kind"] == "lineage":
        if not is_name(lineage) or lineage in index.current:
            raise MalformedError(f"{path} has the lineage {lineage[:130]!r} twice, or it can be none")
        index.current[lineage] = str(record.get("current", ""))
        index.versions[lineage] = {}
        return
    if record["kind"] != "version" or lineage not in index.current:
        raise MalformedError(f"{path} is no backup")
    version = version_of(record)
    index.keys += version.key is not None
    index.versions[lineage][version.version] = fingerprint(replace(version, key=None), version.key is not None)


def _add_file(index: Index, record: Record, hashing: Any) -> Any:
    """Count one piece; returns what hashes the next one."""
    data, place = data_of(record), (record["part"], record["name"])
    held = index.files.setdefault(place, Held(record["mode"] & 0o777))
    if held.sha256:
        raise MalformedError(f"the file {place} stands twice in the backup")
    hashing.update(data)
    held.size += len(data)
    if record["part"] == MANIFEST:
        index.manifest += data
    if record["more"]:
        return hashing
    held.sha256 = hashing.hexdigest()
    return hashlib.sha256()
