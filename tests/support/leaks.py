# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks through everything that a run wrote for secrets; a secret may lie in the files that are named, private, and nowhere else."""

from __future__ import annotations

import base64
import binascii
import io
import re
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from ..lab.server import Server
from .needles import Needles

# Where keys and passphrases belong on a controller of the tests, below the folder of its manifest.
IN_A_SITE = (
    r"(elsewhere/|nowhere-yet/)?store/lineages/[^/]+/versions/[^/]+/key\.pem", r"(elsewhere/)?passphrase", r"(elsewhere/)?ledger-key\.pem",
)  # fmt: skip
# And on a managed host: versions to go back to, and what the host made itself.
IN_A_STATE = (
    r"etc/letsencrypt/archive/[^/]+/privkey[0-9]+\.pem", r"var/lib/certops-clm/deployments/[^/]+/versions/[^/]+/[^/]+",
    r"var/lib/certops-clm/deployments/[^/]+/keys/[0-9a-f]{64}\.pem",
)  # fmt: skip
PRIVATE = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----")
PAYLOAD = re.compile(rb"[A-Za-z0-9+/]{2000,}={0,2}")  # what AnsiballZ carries: a zip in base64
MODULE = re.compile(r"AnsiballZ_(\w+)\.py\Z")


@dataclass(frozen=True)
class Place:
    """A folder to look through; `allowed` are patterns of the whole paths inside it, of private files that may hold a secret."""

    name: str
    root: Path
    allowed: Tuple[str, ...] = ()


@dataclass
class Seen:
    """What was looked through, and what was found."""

    leaks: Set[str] = field(default_factory=set)
    files: int = 0
    modules: Set[str] = field(default_factory=set)  # whose AnsiballZ was read, payload included
    holders: List[str] = field(default_factory=list)  # the files that may hold a secret, and do


def look(needles: Needles, places: Iterable[Place], texts: Mapping[str, bytes]) -> Seen:
    """Every file of the places and every text; a leak is "where: which secret, how encoded"."""
    seen = Seen()
    for name, text in texts.items():
        seen.leaks |= {f"{name}: {secret}" for secret in needles.found(text)}
    for place in places:
        for path in sorted(place.root.rglob("*")):
            if not path.is_symlink() and path.is_file():
                _look_into(needles, place, path, seen)
    return seen


def _look_into(needles: Needles, place: Place, path: Path, seen: Seen) -> None:
    """One file: its name, its bytes, and what is packed in them."""
    inside = str(path.relative_to(place.root))
    data, secrets = path.read_bytes(), needles.found(inside.encode("utf-8", "surrogateescape"))
    parts = list(unpacked(data))
    for text in (data, *parts):
        secrets |= needles.found(text)
    seen.files += 1
    module = MODULE.search(path.name)
    if module and parts:
        seen.modules.add(module.group(1))
    if secrets and any(re.fullmatch(pattern, inside) for pattern in place.allowed):
        mode = stat.S_IMODE(path.stat().st_mode)
        seen.holders.append(f"{place.name}/{inside}")
        secrets = set() if mode == 0o600 else {f"a secret where it belongs, but open to others ({mode:o})"}
    seen.leaks |= {f"{place.name}/{inside}: {secret}" for secret in secrets}


def unpacked(data: bytes) -> Iterator[bytes]:
    """The files of zips that the bytes are, or carry in base64."""
    carried = (found.group() for found in PAYLOAD.finditer(data)) if data.lstrip()[:2] in (b"#!", b"im", b"# ") else ()
    for one in (data, *(decoded for text in carried for decoded in [_decoded(text)] if decoded)):
        if one.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(one)) as packed:
                yield from (packed.read(name) for name in packed.namelist())


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""


def on_a_host(server: Server) -> Place:
    """All files of the server's host; keys belong where its sites read them, and into the versions and keys of its state folder."""
    root = server.host.root
    own = [re.escape(server.key_file(site).removeprefix(str(root)).lstrip("/")) for site in server.sites]
    return Place(server.host.name, root, (*own, *IN_A_STATE))


def needles_of(roots: Iterable[Path], texts: Mapping[str, bytes], into: Optional[Needles] = None) -> Needles:
    """Every key in the folders, of stores, CAs (opened with the passphrase that fits), ledgers and hosts; and these passphrases."""
    made = Needles() if into is None else into
    for name, text in texts.items():
        made.text(name, text)
    for root in roots:
        for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink()):
            for number, block in enumerate(PRIVATE.findall(path.read_bytes()) if path.suffix not in (".py", ".jsonl") else ()):
                name = f"{root.name}/{path.relative_to(root)}{f' ({number})' if number else ''}"
                _add_key(made, name, block, [text.strip() for text in texts.values()])
    return made


def _add_key(made: Needles, name: str, data: bytes, passphrases: List[bytes]) -> None:
    if b"ENCRYPTED" not in data:
        made.key(name, data)
        return
    for passphrase in passphrases:
        try:
            made.key(name, data, passphrase)
            return
        except ValueError:
            continue
    raise AssertionError(f"no passphrase opens {name}: its key cannot be looked for")
