# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting the files of a backup in their places: nothing that is there is ever replaced."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import Dict, List, Sequence, Set, Tuple

from .. import durable, files
from ..errors import ConfigError
from ._backup_parts import GROWING, STAGED, Part
from ._backup_records import Record, data_of
from ._restore_read import Held, Index

HEAD = ".head"


def missing(parts: Sequence[Part], index: Index) -> Set[Tuple[str, str]]:
    """The files of the backup that are not there, by part and name; ConfigError for one that is there and differs."""
    known = {part.name: part for part in parts}
    found: Set[Tuple[str, str]] = set()
    for (name, file), held in index.files.items():
        part = known.get(name)
        if part is None:  # a part that is not asked for, or one of a manifest that names it no more
            continue
        path = place_of(part, file)
        if not os.path.lexists(path):
            found.add((name, file))
        elif not part.kept and not _same(path, held) and not _goes_on(path):
            raise ConfigError(
                f"{path} is there, and is not what the backup holds",
                hint="restore to an empty place, or move what is there away: nothing was written",
                field=name,
            )
    return found


def place_of(part: Part, name: str) -> str:
    """Where a file of the part belongs."""
    return os.path.join(part.path, name) if name else part.path


def _same(path: str, held: Held) -> bool:
    """True when the file's first bytes are the backup's: all of them, or for a chain of lines, all that there were then."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < held.size or (size > held.size and not path.endswith(GROWING)):
                return False
            digest, left = hashlib.sha256(), held.size
            while left:
                data = file.read(min(left, 1024 * 1024))
                digest.update(data)
                left -= len(data)
    except OSError as error:
        raise files.explain(error, path, "read") from error
    return digest.hexdigest() == held.sha256


def _goes_on(path: str) -> bool:
    """True for the head of a chain that is there: whether the chain goes on from the backup's is seen by the chain."""
    return path.endswith(HEAD) and os.path.isfile(path[: -len(HEAD)] + GROWING)


class FileStager:
    """Writes the missing files beside their places, and renames them in the order of the parts, chains before heads."""

    def __init__(self, parts: Sequence[Part], wanted: Set[Tuple[str, str]], index: Index, suffix: str) -> None:
        self._parts = {part.name: part for part in parts}
        self._order = [part.name for part in parts]
        self._wanted, self._index = wanted, index
        self._suffix = suffix  # the one of the whole restore: a store that is being filled may lie in the same folder
        self._staged: Dict[Tuple[str, str], str] = {}
        self._folders: List[str] = []

    def add(self, record: Record) -> None:
        """One piece of a file."""
        place = (record["part"], record["name"])
        if place not in self._wanted:
            return
        if place not in self._staged:
            self._staged[place] = os.path.join(self._folder(self._parts[place[0]]), f"{len(self._staged)}")
        path = self._staged[place]
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                files.write_all(descriptor, data_of(record))
                if not record["more"]:
                    os.fchmod(descriptor, self._index.files[place].mode & 0o755)
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise files.explain(error, path, "write") from error

    def _folder(self, part: Part) -> str:
        """Where files of the part are staged: on the file system that they belong to."""
        parent = part.path if part.folder else os.path.dirname(part.path)
        folder = os.path.join(parent, self._suffix)
        try:
            os.makedirs(parent, 0o700, exist_ok=True)
            if folder not in self._folders:
                for name in os.listdir(parent):
                    if name.startswith(STAGED) and not name.startswith(self._suffix):
                        shutil.rmtree(os.path.join(parent, name))
                os.mkdir(folder, 0o700)
                self._folders.append(folder)
        except OSError as error:
            raise files.explain(error, parent, "restore to") from error
        return folder

    def finish(self, part_names: Sequence[str]) -> List[str]:
        """Put the files of these parts in their places, durably; returns their paths."""
        done: List[str] = []
        places = sorted((place for place in self._staged if place[0] in part_names), key=self._rank)
        for place in places:
            path = place_of(self._parts[place[0]], place[1])
            try:
                os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
                if os.path.lexists(path):
                    raise ConfigError(f"{path} came into being meanwhile", hint="see that nothing else runs, and restore again")
                os.rename(self._staged[place], path)
                durable.sync_folder(os.path.dirname(path))
            except OSError as error:
                raise files.explain(error, path, "restore") from error
            done.append(path)
        return done

    def _rank(self, place: Tuple[str, str]) -> Tuple[int, bool, str]:
        return (self._order.index(place[0]), place[1].endswith(HEAD), place[1])

    def abort(self) -> None:
        """Remove what was staged; what is in its place stays."""
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
