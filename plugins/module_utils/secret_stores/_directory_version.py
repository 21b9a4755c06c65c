# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A version as files in its folder: `version.json` (what it is, with its request), `key.pem`, `chain.pem`.

`version.json` names the SHA-256 of chain.pem: a cut chain often parses as a shorter valid one. Before there is a
certificate the same facts are in `pending.json`, which stays as what was asked: a new name is a fifth of the cost of a
name that is replaced (ext4, 10,000 versions). Making a file costs more than filling it, so the request has none of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..contracts import VERSION_STATES, StoredVersion
from ..errors import ClmError, ConfigError, MalformedError
from ..files import explain

VERSION_ID = re.compile(r"[0-9]{6}-[0-9a-f]{8}\Z")
RECORD, PENDING, KEY, CHAIN = "version.json", "pending.json", "key.pem", "chain.pem"
FORMAT = 2
USUAL, LARGEST = 32 * 1024, 4 * 1024 * 1024  # bytes; a read asks for memory of that size
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


def record(version: StoredVersion, has_key: bool) -> bytes:
    """The bytes of version.json; `has_key` says that key.pem lies beside it. ConfigError when `meta` is not plain data or holds a key."""
    try:
        text = _encode(
            {
                "format": FORMAT,
                "state": version.state,
                "sha256": version.sha256,
                "spki_sha256": version.spki_sha256,
                "key": has_key,
                "chain": digest(version.chain_pem),
                "request": version.csr_pem,
                "meta": version.meta,
            }
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the facts of version {version.version} of {version.lineage} are not plain data: {error}") from None
    if "PRIVATE KEY-----" in text:
        raise ConfigError(f"the facts of version {version.version} of {version.lineage} hold a private key: refused")
    return text.encode("ascii")


def contents(version: StoredVersion, key: Optional[bytes], has_key: bool) -> List[Tuple[str, bytes]]:
    """The files of a version that are to be written; the facts last: they say what the others are."""
    found = [] if key is None else [(KEY, key)]
    if version.chain_pem:
        found.append((CHAIN, version.chain_pem.encode()))
    found.append((PENDING if version.state == "pending" else RECORD, record(version, has_key)))
    return found


def digest(text: str) -> str:
    """The SHA-256 of the text, empty for an empty one."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def load(folder: str, lineage: str, version: str) -> StoredVersion:
    """The version without its key; MalformedError, naming the file, when anything in it is not as it was saved."""
    try:
        fields = _fields(folder)
        chain = _chain(folder, fields["chain"]) if fields["chain"] else ""
        if fields["key"] and os.stat(f"{folder}/{KEY}", follow_symlinks=False).st_size == 0:
            raise MalformedError(f"{KEY} is empty")
    except FileNotFoundError as error:
        name = os.path.basename(error.filename).replace(PENDING, RECORD)
        raise MalformedError(f"{name} is missing", field=f"{lineage} {version}") from None
    except OSError as error:
        raise explain(error, str(error.filename or folder), "read") from error
    except MalformedError as error:
        raise MalformedError(error.message, field=f"{lineage} {version}", hint=f"look into {folder}") from None
    return StoredVersion(
        lineage=lineage,
        version=version,
        state=fields["state"],
        spki_sha256=fields["spki_sha256"],
        sha256=fields["sha256"],
        chain_pem=chain,
        csr_pem=fields["request"],
        meta=fields["meta"],
    )


def keeps_key(folder: str) -> bool:
    """True when a private key lies in the version's folder."""
    return os.path.lexists(f"{folder}/{KEY}")


def load_or_say(folder: str, lineage: str, version: str) -> StoredVersion:
    """The same for a list: a version that cannot be read is one that is rejected, with meta['malformed'] saying why."""
    try:
        return load(folder, lineage, version)
    except ClmError as error:
        return StoredVersion(lineage, version, "rejected", meta={"malformed": error.message})


def merged(before: StoredVersion, version: StoredVersion) -> StoredVersion:
    """The version, without its key, with what it leaves empty taken from before; ConfigError when its key or certificate would change."""
    if version.state == "pending" != before.state:
        raise ConfigError(f"version {version.version} of {version.lineage} is {before.state} and never pending again")
    for name in ("spki_sha256", "sha256", "chain_pem"):
        old, new = getattr(before, name), getattr(version, name)
        if old and new and old != new:
            raise ConfigError(f"{name} of version {version.version} of {version.lineage} never changes", hint="save a new version")
    if version.key is None and version.spki_sha256 and version.sha256 and version.chain_pem and version.csr_pem:
        return version
    return StoredVersion(
        lineage=version.lineage,
        version=version.version,
        state=version.state,
        spki_sha256=version.spki_sha256 or before.spki_sha256,
        sha256=version.sha256 or before.sha256,
        chain_pem=version.chain_pem or before.chain_pem,
        csr_pem=version.csr_pem or before.csr_pem,
        meta=version.meta,
    )


def _fields(folder: str) -> Mapping[str, Any]:
    try:
        data, pending = _bytes(folder, RECORD), False
    except FileNotFoundError:
        data, pending = _bytes(folder, PENDING), True
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise MalformedError(f"{RECORD} is not JSON") from None
    if not isinstance(fields, dict):
        raise MalformedError(f"{RECORD} is not an object")
    if fields.get("format") != FORMAT:
        raise MalformedError(f"{RECORD} has format {str(fields.get('format'))[:20]}, this release reads {FORMAT}")
    wanted: Dict[str, type] = {"state": str, "sha256": str, "spki_sha256": str, "key": bool, "chain": str, "request": str, "meta": dict}
    wrong = sorted(name for name, kind in wanted.items() if not isinstance(fields.get(name), kind))
    if wrong or fields["state"] not in VERSION_STATES or pending != (fields["state"] == "pending"):
        raise MalformedError(f"{RECORD}: {', '.join(wrong) or 'state'} is not what it should be")
    return fields


def _chain(folder: str, wanted: str) -> str:
    data = _bytes(folder, CHAIN)
    if hashlib.sha256(data).hexdigest() != wanted:
        raise MalformedError(f"{CHAIN} is not the one that was saved: cut or changed")
    return data.decode("utf-8", "replace")


def _bytes(folder: str, name: str) -> bytes:
    descriptor = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, USUAL)
        if len(data) == USUAL:
            data += os.read(descriptor, LARGEST)
    finally:
        os.close(descriptor)
    if len(data) >= LARGEST:
        raise MalformedError(f"{name} is larger than {LARGEST} bytes")
    return data
