# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second place: a folder outside the ledger's with one file for each checkpoint and a vkey for each chain, only ever added to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Iterable, List, Sequence, Tuple

from . import durable, files
from ._ledger_checkpoint import SUFFIX, VKEY, Checkpoint, file_name, of_file, origin_of
from ._ledger_files import make_folder
from ._ledger_note import LONGEST_NOTE, Verifier, open_note
from .errors import ClmError, ConfigError, MalformedError, NotFoundError

HINT = "compare with certops.clm.ledger_info; to go on, leave everything as evidence and choose another writer_id"


@dataclass(frozen=True)
class Kept:
    """A checkpoint as it was found: its file, whose chain the file's name says it is, and the bytes."""

    path: str
    writer_id: str
    size: int
    note: bytes

    def open(self, verifiers: Sequence[Verifier]) -> Checkpoint:
        """The checkpoint; MalformedError when it was forged, is of another chain, or stands under another size's name."""
        try:
            found = Checkpoint.parse(open_note(self.note, verifiers))
            if found.origin != origin_of(self.writer_id):
                raise MalformedError(f"it is of {found.origin}")
            if found.size != self.size:
                raise MalformedError(f"it is of {found.size} lines, its file's name says {self.size}")
        except MalformedError as error:
            raise MalformedError(f"the checkpoint {self.path} is not what it should be: {error.message}", hint=HINT) from None
        return found

    @property
    def torn(self) -> bool:
        """True when a crash may have left it half written: it says nothing then."""
        return is_torn(self.note)


def is_torn(data: bytes) -> bool:
    """True for a file that a crash may have left half written: each of ours ends with a newline."""
    return not data.endswith(b"\n")


def kept_in(paths: Iterable[str]) -> List[Kept]:
    """Every checkpoint in the folders (or files) given; NotFoundError when one of them is not there."""
    found: List[Kept] = []
    for path in paths:
        names = _names(path)
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        for name in names:
            told = of_file(name)
            if told is None and name.endswith(SUFFIX):
                raise MalformedError(f"{os.path.join(folder, name)} has a name that no checkpoint of ours has", hint="take it away")
            if told is not None:
                file = os.path.join(folder, name)
                found.append(Kept(file, *told, files.read(file, LONGEST_NOTE)))
    return found


def vkeys_in(paths: Iterable[str]) -> Dict[str, List[Verifier]]:
    """By the name of the chain, as a vkey's file says it, the keys that the folders say sign it; a torn file says none."""
    found: Dict[str, List[Verifier]] = {}
    for path in paths:
        for name in _names(path) if os.path.isdir(path) else ():
            if name.endswith(VKEY) and not name.startswith("."):
                file = os.path.join(path, name)
                data = files.read(file, LONGEST_NOTE)
                try:
                    one = Verifier.parse(data.decode("utf-8", "replace"))
                except MalformedError as error:
                    if is_torn(data):
                        continue
                    raise MalformedError(f"{file}: {error.message}", hint=error.hint) from None
                known = found.setdefault(origin_of(name[: -len(VKEY)]), [])
                known.extend([] if one in known else [one])
    return found


def _names(path: str) -> List[str]:
    try:
        return sorted(os.listdir(path)) if os.path.isdir(path) or not os.path.exists(path) else [os.path.basename(path)]
    except OSError as error:
        raise files.explain(error, path, "read the checkpoints in") from error


class Place:
    """The folder of one chain's checkpoints, for the one who writes them."""

    def __init__(self, folder: str, writer_id: str) -> None:
        self.folder = folder
        self.writer_id = writer_id

    def vkey(self) -> str:
        """What the file of this chain's vkey says, with its newline; empty when there is none."""
        try:
            return files.read(self._path(self.writer_id + VKEY), LONGEST_NOTE).decode("utf-8", "replace")
        except NotFoundError:
            return ""

    def pin(self, verifier: Verifier) -> str:
        """Keep the vkey where it is not known yet, and say so where a crash had left half of it; ConfigError when another one is."""
        path, there = self._path(self.writer_id + VKEY), self.vkey()
        torn = there.strip() != verifier.text and is_torn(there.encode()) and os.path.exists(path)
        if torn and self._sizes():
            raise ConfigError(
                f"{path} is torn, and there are checkpoints that its key signed: it is not made again, for it could be another key",
                hint="put the vkey that you noted into it, as one line, or the file from a backup",
                field="ledger.checkpoints.path",
            )
        if torn:
            files.remove(path)
        if torn or not there:
            self._add(self.writer_id + VKEY, verifier.text.encode() + b"\n")
        if self.vkey().strip() != verifier.text:
            raise ConfigError(
                f"{path} names another key than the one that signs",
                hint="bring the right key_file back, or give this writer a new writer_id: its chain then begins anew",
                field="ledger.checkpoints.key_file",
            )
        return f"{path} was torn by a crash before any checkpoint was signed; it is made again" if torn else ""

    def newest(self) -> List[Kept]:
        """The checkpoint of the most lines, as a list of at most one."""
        for size in sorted(self._sizes(), reverse=True):
            path = self._path(file_name(self.writer_id, size))
            one = Kept(path, self.writer_id, size, files.read(path, LONGEST_NOTE))
            if not one.torn:
                return [one]
        return []

    def _sizes(self) -> List[int]:
        try:
            return [told[1] for told in map(of_file, os.listdir(self.folder)) if told and told[0] == self.writer_id]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise files.explain(error, self.folder, "read the checkpoints in") from error

    def put(self, size: int, note: bytes) -> Tuple[str, bool]:
        """The file of a checkpoint, and whether it is new. What is there already is never overwritten."""
        name = file_name(self.writer_id, size)
        added = self._add(name, note)
        if not added and files.read(self._path(name), LONGEST_NOTE) != note:
            raise ClmError(f"{self._path(name)} is there already and says something else", hint=HINT)
        return self._path(name), added

    def _add(self, name: str, data: bytes) -> bool:
        """Written directly, with no name beside it first: on a place that only takes new files, that one would stay."""
        path = self._path(name)
        try:
            make_folder(self.folder, 0o755)
            files.write_new(path, data, 0o644)
            durable.sync((path,), (self.folder,))
        except FileExistsError:
            return False
        except OSError as error:
            raise files.explain(error, path, "send the checkpoint to") from error
        return True

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)
