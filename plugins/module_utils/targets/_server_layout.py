# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a place: what a layout puts where, what is there now, and the swap. Standard library only: it travels to managed hosts."""

from __future__ import annotations

import os
import ssl
from datetime import datetime
from typing import Dict, List, Mapping, Optional, Tuple

from .. import files
from .._keystore_values import in_memory
from ..contracts import Version
from ..errors import ClmError, ConfigError, MalformedError, NotFoundError
from ..keystores import password_of
from ..masking import Secret
from ..ownership import attributes, group_id, user_id
from ..server_kinds._read import public_part
from ..x509 import pem
from . import _server_unfinished as unfinished
from ._server_state import Content, State
from ._server_where import CERTIFICATE, CHAIN, KEY, Place

NEW_MODES = {CERTIFICATE: 0o644, CHAIN: 0o644, KEY: 0o600}
MAX_LINKS = 40  # as the kernel
Contents = Mapping[str, Optional[Secret]]
Attributes = Dict[str, Mapping[str, int]]


def blocks_where(data: bytes, marks: Tuple[bytes, ...]) -> bytes:
    """The PEM blocks whose BEGIN line holds one of the marks, as they stand."""
    kept: List[bytes] = []
    keeping = False
    for line in data.splitlines(keepends=True):
        if line.startswith(b"-----BEGIN "):
            keeping = any(mark in line for mark in marks)
        if keeping:
            kept.append(line if line.endswith(b"\n") else line + b"\n")
        if line.startswith(b"-----END "):
            keeping = False
    return b"".join(kept)


def key_of(data: Secret) -> Secret:
    """The private key of a key file or a combined file."""
    return Secret(blocks_where(data.reveal(), (b"PRIVATE KEY-----",)))


def in_pem(place: Place, secret: Optional[Secret]) -> Optional[Secret]:
    """What a file of the place holds as PEM: as it is, or what is in the keystore; empty for one that cannot be opened."""
    if secret is None or place.keystore is None:
        return secret
    try:
        return Content(place.keystore.opened(secret.reveal()).text)
    except ClmError:
        return Content(b"")


def opens(place: Place, contents: Contents) -> bool:
    """True when the place's keystore has the wanted alias and opens by its present password; always for files in PEM."""
    data = contents.get(CERTIFICATE)
    return place.keystore is None or (data is not None and place.keystore.opens(data.reveal()))


def check_keystore(place: Place) -> None:
    """Refuse a keystore that cannot be opened, or that holds what a new one would not hold any more."""
    if place.keystore is None:
        return
    password_of(place.keystore.password_file)
    data = read(place)[0][CERTIFICATE]
    if data is None:
        return
    opened = place.keystore.opened(data.reveal())
    if opened.others:
        raise ConfigError(
            f"{place.files[CERTIFICATE]} holds {opened.others} more entries, which a new keystore would not have",
            hint="give this certificate a keystore of its own",
        )


def contents_for(place: Place, version: Version, key: Secret, present: Contents, now: datetime) -> Dict[str, Optional[Secret]]:
    """What each file of the layout is to hold; the DH parameters of a combined file and the alias of a keystore stay in it."""
    chain = pem.split(version.chain_pem)
    if place.keystore is not None:
        data = present.get(CERTIFICATE)
        alias = place.keystore.opened(data.reveal()).alias if data is not None else ""
        return {CERTIFICATE: Content(place.keystore.sealed([block.der for block in chain], key, alias, now))}
    texts = [pem.encode(block.label, block.der).encode() for block in chain]
    if place.layout == "fullchain":
        return {CERTIFICATE: Content(b"".join(texts)), KEY: key}
    if place.layout == "separate":
        return {CERTIFICATE: Content(texts[0]), CHAIN: Content(b"".join(texts[1:])), KEY: key}
    old = present.get(CERTIFICATE)
    parameters = blocks_where(old.reveal(), (b"DH PARAMETERS-----",)) if old is not None else b""
    return {CERTIFICATE: Content(b"".join(texts) + key.reveal().strip() + b"\n" + parameters)}


def read(place: Place) -> Tuple[Dict[str, Optional[Secret]], Attributes]:
    """The bytes of each file, None where there is none, and the modes and owners of those that are there."""
    contents: Dict[str, Optional[Secret]] = {}
    dressed: Attributes = {}
    for role, path in place.files.items():
        try:
            found = attributes(path)
            contents[role] = Content(files.read(path, 1024 * 1024)) if found else None
        except NotFoundError:
            found, contents[role] = None, None
        except OSError as error:
            raise files.explain(error, path, "read") from error
        if found:
            dressed[role] = {"mode": found.mode, "uid": found.uid, "gid": found.gid}
    return contents, dressed


def chain_of(place: Place, contents: Contents) -> List[bytes]:
    """The DER certificates of the place, leaf first; empty when there is no certificate that can be read."""
    found: List[bytes] = []
    for role in (CERTIFICATE, CHAIN):
        secret = in_pem(place, contents.get(role))
        if secret is None or not secret.reveal().strip():
            continue
        try:
            found += [block.der for block in pem.split(public_part(secret.reveal()))]
        except MalformedError:
            return []
    return found if contents.get(CERTIFICATE) is not None else []


def match(certificate_path: str, key_path: str) -> str:
    """Why the key does not belong to the certificate; empty when it does. An encrypted key is never asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        context.load_cert_chain(certificate_path, key_path, password=lambda: b"")
    except ssl.SSLError as error:
        return "the key does not belong to the certificate" if "MISMATCH" in str(error) else f"OpenSSL here cannot use them: {error.reason}"
    except (OSError, ValueError) as error:
        return f"OpenSSL here cannot use them: {error}"
    return ""


def match_files(place: Place, certificate: str, key: str) -> str:
    """Why the key of these files of the place does not belong to the certificate; empty when it does.

    What a keystore holds is looked at in memory: it never stands in a file in clear.
    """
    if place.keystore is None:
        return match(certificate, key)
    text = in_pem(place, Content(files.read(certificate, 1024 * 1024)))
    with in_memory(text.reveal() if text is not None else b"") as path:
        return match(path, path)


def match_present(place: Place) -> str:
    """The same of what is in place."""
    certificate = place.files[CERTIFICATE]
    return match_files(place, certificate, place.files.get(KEY, certificate))


def check_links(place: Place) -> None:
    """Refuse a symlink that somebody else could have pointed at a file that is not his."""
    for path in place.files.values():
        folder = os.path.dirname(os.path.realpath(path))
        if not os.path.isdir(folder):
            raise ConfigError(f"the folder of {path} does not exist", hint="make the folder, or correct the path")
        for _hop in range(MAX_LINKS):
            if not os.path.islink(path):
                break
            link, there = os.lstat(path), os.path.join(os.path.dirname(path), os.readlink(path))
            if link.st_uid not in (0, os.geteuid()) and os.path.lexists(there) and os.lstat(there).st_uid != link.st_uid:
                raise ConfigError(
                    f"the link {path} belongs to uid {link.st_uid}, the file it names does not", hint="look who made the link"
                )
            path = there


def as_wanted(place: Place, dressed: Attributes) -> bool:
    """True when modes and owners are those that were asked for; what was not asked for is right as it is."""
    try:
        uid = user_id(place.owner) if place.owner is not None else None
        gid = group_id(place.group) if place.group is not None else None
    except ConfigError:
        return False
    for role in place.files:
        here = dressed.get(role, {})
        for wanted, name in ((place.mode_of(role), "mode"), (uid, "uid"), (gid, "gid")):
            if wanted is not None and here.get(name) != wanted:
                return False
    return True


def swap(place: Place, contents: Contents, back: Optional[Mapping[str, Mapping[str, int]]] = None, *, state: State) -> None:
    """Make the files hold the contents, durably, one right after the other; `back` brings modes and owners back too.

    On an error what was swapped already is swapped back if that is possible, and the error is raised. After a power cut in
    between, what `_server_unfinished` wrote down makes them whole at boot.
    """
    present, dressed = read(place)
    unfinished.note(state.path, place.id, place.files.values())
    try:
        _write(place, contents, present, back)
    except (ClmError, OSError) as error:
        if read(place)[0] != present:
            _write(place, present, contents, dressed)
        unfinished.forget(state.path, place.id)
        raise error
    unfinished.forget(state.path, place.id)


def _write(place: Place, contents: Contents, present: Contents, back: Optional[Mapping[str, Mapping[str, int]]]) -> None:
    with files.Batch() as batch:
        for role, path in place.files.items():
            secret = contents.get(role)
            if secret is None:
                continue
            old = (back or {}).get(role)
            mode = old["mode"] if old else place.mode_of(role)
            owner, group = (old["uid"], old["gid"]) if old else (place.owner, place.group)
            if mode is None and present.get(role) is None:
                mode = NEW_MODES[KEY if place.one_file else role]
            elif mode is None and (role == KEY or place.one_file):
                mode = os.stat(path).st_mode & 0o770 or 0o600  # kept, but a key is never for everybody to read
            batch.write(path, secret.reveal(), mode=mode, owner=owner, group=group)
    for role, path in place.files.items():
        if contents.get(role) is None:
            files.remove(path)
