# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read configuration and certificate files of servers: capped, and an unreadable one is a record, never an exception.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Tuple

from .. import _keystore_jks as jks
from ..contracts import Found
from ..errors import MalformedError
from ..x509 import pem

MAX_CONFIG_BYTES = 4 * 1024 * 1024
MAX_PEM_BYTES = 1024 * 1024
MAX_FILES = 2000
MAX_FOUND = 10000
MAX_CERTIFICATES = 16
MAX_NAMES = 100


def read_file(path: str, limit: int) -> bytes:
    """The bytes of a regular file; OSError, also for a device, a pipe or a file above the limit, which are never read."""
    if "\0" in path:
        raise OSError(0, "is no path", path.replace("\0", "?"))
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "is not a regular file", path)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(0, f"is larger than {limit} bytes", path)
    return data


def read_text(path: str) -> str:
    """A configuration file as text; bytes that are no UTF-8 and NULs are replaced."""
    return text_of(read_file(path, MAX_CONFIG_BYTES))


def text_of(data: bytes) -> str:
    """The text of a configuration, in which no word can hold a NUL."""
    return data.decode("utf-8", "replace").replace("\0", "\ufffd")


def public_part(data: bytes) -> bytes:
    """The data without its blocks of keys and parameters, so that a key is dropped before anything looks at it."""
    kept: List[bytes] = []
    skipping = False
    for line in data.splitlines(keepends=True):
        if line.startswith(b"-----BEGIN ") and (b"PRIVATE KEY-----" in line or b"PARAMETERS-----" in line):
            skipping = True
        if not skipping:
            kept.append(line)
        if line.startswith(b"-----END "):
            skipping = False
    return b"".join(kept)


def read_chain(path: str) -> Tuple[Tuple[bytes, ...], str]:
    """(the DER certificates of a PEM file, at most 16; what is wrong with it)."""
    try:
        blocks = pem.split(public_part(read_file(path, MAX_PEM_BYTES)))
    except OSError as error:
        return (), f"{path}: {error.strerror or error}"
    except MalformedError as error:
        return (), f"{path}: {error.message}"
    cut = f"{path} holds {len(blocks)} certificates, the first {MAX_CERTIFICATES} were taken" if len(blocks) > MAX_CERTIFICATES else ""
    return tuple(block.der for block in blocks[:MAX_CERTIFICATES]), cut


@dataclass(frozen=True)
class Use:
    """One use of a certificate file in a configuration."""

    config_file: str
    line: int
    certificate_file: str
    key_file: str
    server_names: Tuple[str, ...] = ()
    listen: Tuple[str, ...] = ()
    error: str = ""


def found(kind: str, uses: List[Use]) -> Iterator[Found]:
    """One record for each certificate file and its key: names and listeners of all its uses together, capped."""
    places: Dict[Tuple[str, str, str], Dict[str, Any]] = {}
    for use in uses:
        where = places.setdefault(
            (use.certificate_file, use.key_file, use.error),
            {"kind": kind, "config_file": use.config_file, "line": use.line, "server_names": [], "listen": []},
        )
        for field, values in (("server_names", use.server_names), ("listen", use.listen)):
            where[field] += [value[:300] for value in values if value[:300] not in where[field]][: MAX_NAMES - len(where[field])]
    for number, ((certificate_file, key_file, error), where) in enumerate(places.items()):
        if number >= MAX_FOUND:
            yield Found("servers", {"kind": kind}, error=f"more than {MAX_FOUND} certificate files, the rest was left out")
            return
        chain, problem = ((), error) if error else read_chain(certificate_file)
        where = {**where, "certificate_file": certificate_file, "key_file": key_file, **_file_facts(certificate_file)}
        yield Found("servers", where, chain, error=problem)


def keystore_found(kind: str, use: Use) -> Found:
    """The record of a Java keystore: the certificates of a JKS stand in clear, those of a PKCS#12 nobody sees without its password."""
    where = {"kind": kind, "config_file": use.config_file, "line": use.line, "server_names": list(use.server_names)[:MAX_NAMES]}
    where.update(listen=list(use.listen), certificate_file=use.certificate_file, key_file=use.key_file, **_file_facts(use.certificate_file))
    chain: Tuple[bytes, ...] = ()
    problem = use.error
    try:
        data = b"" if problem else read_file(use.certificate_file, MAX_PEM_BYTES)
        if not problem:
            where["layout"] = "jks" if jks.is_one(data) else "pkcs12"
        if not problem and not jks.is_one(data):
            problem = f"{use.certificate_file} is a keystore that only its password opens; what it serves is seen at its port"
        chain = () if problem else jks.certificates(data)
    except OSError as error:
        problem = f"{use.certificate_file}: {error.strerror or error}"
    except MalformedError as error:
        problem = f"{use.certificate_file}: {error.message}"
    return Found("servers", where, chain, error=problem or ("" if chain else f"{use.certificate_file} holds no key entry"))


def _file_facts(path: str) -> Dict[str, Any]:
    """Where the file really is, who owns it and when it was written: it tells who else keeps it. Empty when it is not there."""
    try:
        facts = os.stat(path)
        real = os.path.realpath(path)
    except (OSError, ValueError):
        return {}
    try:
        owner = pwd.getpwuid(facts.st_uid).pw_name
    except KeyError:
        owner = str(facts.st_uid)
    written = datetime.fromtimestamp(int(facts.st_mtime), timezone.utc)
    return {"real_file": real if real != path else "", "file_owner": owner, "written_at": f"{written:%Y-%m-%dT%H:%M:%SZ}"}


def broken(kind: str, config_file: str, problem: str) -> Found:
    """The record of a configuration that could not be read."""
    return Found("servers", {"kind": kind, "config_file": config_file}, error=f"{config_file}: {problem}"[:1000])
