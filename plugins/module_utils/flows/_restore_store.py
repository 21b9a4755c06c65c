# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling a secret store from a backup: empty it must be, or hold what the backup holds.

A store of the type `directory` is filled beside its place, in its own folder, read back, and renamed to its place at once. Any
other one is filled through the contract, under one lease for each lineage.
"""

from __future__ import annotations

import os
import shutil
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from .. import durable, files
from ..contracts import DROPPED, RETIRED, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, NotFoundError
from ._backup_parts import STAGED
from ._backup_records import Record, fingerprint, version_of
from ._restore_read import Index
from .leasing import lease_of

DIRECTORY = "directory"
Open = Callable[[Mapping[str, Any]], SecretStore]


def is_there(store: SecretStore, index: Index) -> bool:
    """True when the store holds what the backup holds, False when it is empty; ConfigError names the first difference."""
    names = list(store.lineages())
    if not names:
        return False
    for lineage in sorted({*names, *index.current}):
        problem = _difference(store, lineage, index)
        if problem:
            raise ConfigError(
                f"the secret store {store.identity()} is not empty, and is not what the backup holds: {problem}",
                hint="restore to an empty place, or move what is there away: nothing was written",
                field="secret_store",
            )
    return True


def _difference(store: SecretStore, lineage: str, index: Index) -> str:
    if lineage not in index.current:
        return f"the backup has no {lineage}"
    found = {one.version: one for one in store.versions(lineage)}
    wanted = index.versions[lineage]
    if set(found) != set(wanted):
        return f"{lineage} has the versions {', '.join(sorted(found)) or 'none'}, the backup has {', '.join(sorted(wanted)) or 'none'}"
    for version, one in found.items():
        if fingerprint(one, _has_key(store, one)) != wanted[version]:
            return f"version {version} of {lineage} differs"
    current = store.current(lineage) or ""
    return "" if current == index.current[lineage] else f"the current version of {lineage} is {current or 'none'}"


def _has_key(store: SecretStore, version: StoredVersion) -> bool:
    """True when the store gives the version's key, which it checks."""
    if version.state in (DROPPED, RETIRED):
        return False
    try:
        store.key(KeyRef(store.identity(), version.lineage, version.version, version.spki_sha256))
    except NotFoundError:
        return False
    return True


class Filler:
    """One store that is being filled; nobody sees any of it before `finish`, and `abort` leaves nothing."""

    def __init__(self, options: Mapping[str, Any], open_store: Open, index: Index, suffix: str) -> None:
        self._index = index
        self._path = str(options["path"]) if options["type"] == DIRECTORY else ""
        self._staged = os.path.join(self._path, f"{suffix}.store") if self._path else ""  # files may be staged beside it
        self._store = open_store({**options, "path": self._staged} if self._path else options)
        self._lease: Optional[Lease] = None
        self._leases: List[Tuple[Lease, str]] = []
        if self._path:
            _make_room(self._path)

    def add(self, record: Record) -> None:
        """One record of kind lineage or version."""
        if record["kind"] == "lineage":
            self._lease = lease_of(self._store, record["lineage"], None)
            self._leases.append((self._lease, record["current"]))
        elif self._lease is not None:
            self._store.save(self._lease, version_of(record))

    def finish(self) -> None:
        """Make everything durable and current, read it back, and put it in its place."""
        for lease, current in self._leases:
            if current:
                self._store.promote(lease, current)
            self._store.end(lease)
        self._store.flush()
        if self._leases and not is_there(self._store, self._index):
            raise ClmError("what was written cannot be read back", hint="look at the disk, and restore again")
        if not self._path:
            return
        try:
            for name in sorted(os.listdir(self._staged), key=lambda name: name == "lineages"):
                os.rename(os.path.join(self._staged, name), os.path.join(self._path, name))
            durable.sync_folder(self._path)
        except OSError as error:
            raise files.explain(error, self._path, "restore") from error
        self.abort()

    def abort(self) -> None:
        """Remove what was not put in its place."""
        if self._staged:
            shutil.rmtree(self._staged, ignore_errors=True)


def _make_room(path: str) -> None:
    """The store's folder with nothing in the way: what a restore that was killed left, and folders without anything."""
    try:
        os.makedirs(path, 0o700, exist_ok=True)
        for name in os.listdir(path):
            if name.startswith(STAGED):
                shutil.rmtree(os.path.join(path, name))
        if os.path.isdir(os.path.join(path, "lineages")):
            os.rmdir(os.path.join(path, "lineages"))
    except OSError as error:
        raise files.explain(error, path, "restore to") from error


def fill(fillers: List[Filler], record: Record) -> None:
    """Give every store the record."""
    for filler in fillers:
        filler.add(record)


def opener(open_store: Callable[[str, Dict[str, Any]], SecretStore]) -> Open:
    """Stores by their options with the type among them."""
    return lambda options: open_store(str(options["type"]), {name: value for name, value in options.items() if name != "type"})
