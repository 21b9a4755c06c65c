# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to a controller beside its secret store, as a manifest names it: folders and files, each a part of a backup."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import IO, Any, Dict, Iterator, List, Mapping, Tuple

from .. import files
from .._ledger_options import settle
from ..errors import ConfigError
from ..manifest import Manifest
from ..observations import counts_file
from ._backup_records import PIECE, Record, is_path, of_file

CA = "local_ca"
STAGED = ".restoring-"
GROWING = ".jsonl"  # only ever appended to, so a cut behind a line is what was there a moment ago


@dataclass(frozen=True)
class Part:
    """One part. `kept` parts are never compared: what is there stays, for it may be newer or meant to be other."""

    name: str
    path: str
    folder: bool = False
    kept: bool = False


def parts_of(manifest: Manifest, local_ca: bool) -> List[Part]:
    """The parts in the order in which they are restored: the manifest last, so that nothing runs on half a controller."""
    found: List[Part] = []
    if local_ca:
        cas = sorted((name, str(issuer["path"])) for name, issuer in manifest.issuers.items() if issuer["type"] == CA)
        found += [Part(f"{CA}-{name}", path, folder=True) for name, path in cas]
    ledger = settle(manifest.ledger, manifest.secret_store)
    found.append(Part("ledger", ledger.path, folder=True))
    if ledger.spool:
        found.append(Part("ledger-spool", ledger.spool, folder=True))
    if ledger.checkpoints:
        found.append(Part("ledger-key", ledger.checkpoints.key_file))
    found.append(Part("observations", manifest.observations, kept=True))
    found.append(Part("counts", counts_file(manifest.observations), kept=True))  # or the first look after a restore would be blind
    found += [Part(f"include-{number}", path, kept=True) for number, path in enumerate(manifest.includes)]
    return [*found, Part("manifest", manifest.path, kept=True)]


def names_in(part: Part) -> List[str]:
    """The files of the part, empty text for one that is a file itself; heads of chains before the chains, whose end they tell."""
    if not part.folder:
        return [""] if os.path.isfile(part.path) else []
    found: List[str] = []
    _walk(part.path, "", found)
    return sorted(found, key=lambda name: (name.endswith(GROWING), name))


def _walk(folder: str, below: str, found: List[str]) -> None:
    """Add the regular files of the folder and those below it; what vanishes meanwhile was somebody's who is writing."""
    try:
        with os.scandir(folder) as entries:
            there = [(entry.name, entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return
    except OSError as error:  # a folder that cannot be read would be missing in the backup
        raise files.explain(error, folder, "read") from error
    for name, is_folder, is_file in there:
        if is_file:
            found.append(below + name)
        elif is_folder and not name.startswith(STAGED):
            _walk(f"{folder}/{name}", f"{below}{name}/", found)


def pieces(part: Part, name: str) -> Iterator[Record]:
    """The records of one file; a temporary file of somebody who is writing is none, and what grows is cut behind its last line."""
    if files.STALE.fullmatch(os.path.basename(name)):
        return
    if name and not is_path(name):
        raise ConfigError(f"{part.path}/{name} has a name that is not backed up", hint="take it away, or rename it")
    path = os.path.join(part.path, name) if name else part.path
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            size = _whole_lines(file, path)
            while True:
                data = file.read(min(PIECE, size))
                size -= len(data)
                more = bool(data) and size > 0
                yield of_file(part.name, name, mode, data, more)
                if not more:
                    return
    except FileNotFoundError:
        return
    except OSError as error:
        raise files.explain(error, path, "read") from error


def _whole_lines(file: IO[bytes], path: str) -> int:
    """How many bytes of the open file are to be read; another one may be in its place already."""
    size = os.fstat(file.fileno()).st_size
    if not path.endswith(GROWING):
        return size
    file.seek(max(0, size - PIECE))
    tail = file.read(size - file.tell())
    file.seek(0)
    return size - len(tail) + tail.rfind(b"\n") + 1


def folders_of(manifest: Manifest, local_ca: bool) -> Tuple[str, ...]:
    """Every folder that a backup is made of, stores included: neither it nor its passphrase lies in one of them."""
    stores = [str(one.get("path", "")) for one in leaves(manifest.secret_store)]
    return tuple(path for path in (*stores, *(part.path for part in parts_of(manifest, local_ca) if part.folder)) if path)


def leaves(store: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """The options of the stores that hold the data: of each copy of a mirrored one, else of the store itself."""
    return [dict(one) for one in store["stores"]] if "stores" in store else [dict(store)]
