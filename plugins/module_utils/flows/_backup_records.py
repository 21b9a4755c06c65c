# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a backup: JSON objects, each behind its length in four bytes, in this order.

`backup` (format, created, store), then for each lineage `lineage` (its current version) and a `version` for each version with its
key, then for each file `file` (part, name, mode, data in base64, more: its next piece follows), at the end `end` with the counts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional

from ..contracts import VERSION_STATES, StoredVersion
from ..errors import ClmError, MalformedError
from ..identifiers import is_name
from ..masking import Secret
from ..x509 import key as keys
from ..x509.chain import Chain

FORMAT = 1
LARGEST = 16 * 1024 * 1024
PIECE = 1024 * 1024  # of a file
_NAME = re.compile(r"[A-Za-z0-9_+=@-][A-Za-z0-9_.+=@-]{0,199}\Z")
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")).encode
Record = Dict[str, Any]


def pack(record: Mapping[str, Any]) -> bytes:
    """The record's bytes."""
    data = _encode(record).encode("ascii")
    return len(data).to_bytes(4, "big") + data


def records(pieces: Iterable[bytes]) -> Iterator[Record]:
    """Every record in the bytes; MalformedError when they are none, or stop within one."""
    buffer, offset = b"", 0
    for piece in pieces:
        buffer, offset = buffer[offset:] + piece, 0
        while len(buffer) - offset >= 4:
            size = int.from_bytes(buffer[offset : offset + 4], "big")
            if size > LARGEST:
                raise MalformedError(f"a record is larger than {LARGEST} bytes")
            if len(buffer) - offset - 4 < size:
                break
            yield _record(buffer[offset + 4 : offset + 4 + size])
            offset += 4 + size
    if len(buffer) > offset:
        raise MalformedError("it stops within a record")


def _record(data: bytes) -> Record:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
        raise MalformedError("a record is no record")
    return found


def of_version(version: StoredVersion, key: Optional[Secret]) -> Record:
    """A version with its key as a record."""
    fields = {name: getattr(version, name) for name in _TEXTS}
    return {"kind": "version", **fields, "meta": dict(version.meta), "key": key.reveal().decode("ascii") if key else ""}


_TEXTS = ("lineage", "version", "state", "spki_sha256", "sha256", "chain_pem", "csr_pem")


def version_of(record: Record) -> StoredVersion:
    """The version, with its key, when every part fits to the others; MalformedError names what does not."""
    name = f"version {str(record.get('version'))[:40]} of {str(record.get('lineage'))[:130]}"
    if not all(isinstance(record.get(text), str) for text in (*_TEXTS, "key")) or not isinstance(record.get("meta"), dict):
        raise MalformedError(f"{name} lacks a field")
    if not is_name(record["lineage"]) or record["state"] not in VERSION_STATES:
        raise MalformedError(f"{name} has a name or a state that none can have")
    key = Secret(record["key"].encode()) if record["key"] else None
    version = StoredVersion(**{text: record[text] for text in _TEXTS}, key=key, meta=record["meta"])
    check(version, key)
    return version


def check(version: StoredVersion, key: Optional[Secret]) -> None:
    """MalformedError when key, chain and SHA-256s of the version do not belong together."""
    name = f"version {version.version} of {version.lineage}"
    try:
        if key is not None and keys.spki_sha256(keys.load(key)) != version.spki_sha256:
            raise MalformedError("its key is not the one of its SPKI SHA-256")
        leaf = Chain.parse(version.chain_pem).leaf if version.chain_pem else None
        if leaf is not None and (leaf.sha256 != version.sha256 or leaf.spki_sha256 != version.spki_sha256):
            raise MalformedError("its certificate is not the one of its SHA-256")
    except ClmError as error:
        raise MalformedError(f"{name}: {error.message}") from None


def fingerprint(version: StoredVersion, has_key: bool) -> str:
    """A digest of everything of a version but its key: two versions that have one are the same."""
    fields = {name: getattr(version, name) for name in _TEXTS}
    return hashlib.sha256(_encode({**fields, "meta": dict(version.meta), "key": has_key}).encode("ascii")).hexdigest()


def of_file(part: str, name: str, mode: int, data: bytes, more: bool) -> Record:
    """A piece of a file as a record; `name` is empty where the part is one file."""
    return {"kind": "file", "part": part, "name": name, "mode": mode, "data": base64.b64encode(data).decode("ascii"), "more": more}


def data_of(record: Record) -> bytes:
    """The bytes of a file's piece; MalformedError when the record could lead anywhere but below its part."""
    if (record.get("name") and not is_path(str(record["name"]))) or not _NAME.match(str(record.get("part", ""))):
        raise MalformedError(f"the file {str(record.get('name'))[:100]!r} has a name that none can have")
    if not isinstance(record.get("mode"), int) or not isinstance(record.get("more"), bool):
        raise MalformedError(f"the file {record.get('name')!r} lacks a field")
    try:
        return base64.b64decode(str(record.get("data")), validate=True)
    except ValueError:
        raise MalformedError(f"the file {record.get('name')!r} cannot be read") from None


def is_path(name: str) -> bool:
    """True for a file's path below its part: at most four names, none of which leads elsewhere."""
    parts = name.split("/")
    return len(parts) <= 4 and all(_NAME.match(part[1:] if part[:1] == "." else part) for part in parts)
