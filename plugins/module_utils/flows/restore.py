# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a controller back from its backup, on an empty one: all of it is read and checked before anything is written.

In this order, so that nothing can run on half a controller: local CAs, ledger, secret store, observations, manifest. A restore
that was killed is ended by the next one: what is in its place is the backup's, the rest is put there.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import IO, Any, Dict, List, Set, Tuple

from ..errors import ConfigError, NotFoundError
from ..manifest import Manifest, load, parse_yaml
from ..masking import Secret
from ._backup_parts import STAGED, Part, leaves, parts_of
from ._restore_files import FileStager, missing
from ._restore_read import Index, open_backup, read_index, read_records
from ._restore_store import Filler, Open, fill, is_there
from ._restore_trust import refuse_strange


@dataclass(frozen=True)
class Plan:
    """What a restore would do: the stores that are empty, and the files that are not there."""

    index: Index
    manifest: Manifest
    parts: Tuple[Part, ...]
    stores: Tuple[Dict[str, Any], ...]
    files: Set[Tuple[str, str]]

    def facts(self, path: str) -> Dict[str, Any]:
        """The plan as a result carries it."""
        places = {part.name: part for part in self.parts}
        held = {name for name, _file in self.index.files} - {name for name, _file in self.files}
        return {
            "path": path,
            "created": self.index.created,
            **self.index.counts,
            "changed": bool(self.stores or self.files),
            "stores": [str(one.get("path") or one["type"]) for one in self.stores],
            "restored": sorted({places[name].path for name, _file in self.files}),
            "kept": sorted(part.path for part in self.parts if part.kept and part.name in held),
        }


def restore(
    path: str,
    passphrase: Secret,
    manifest_path: str,
    open_store: Open,
    *,
    local_ca: bool,
    trust_manifest: bool,
    check_mode: bool,
) -> Dict[str, Any]:
    """Restore what is missing and return what was done; ConfigError, and nothing written, where something else is in a place."""
    path = os.path.abspath(os.path.expanduser(path))
    with open_backup(path) as file:
        index = read_index(file, passphrase, path)
        planned = plan(index, manifest_path, open_store, local_ca, trust_manifest)
        if not check_mode and (planned.stores or planned.files):
            _write(file, passphrase, path, planned, open_store)
    return planned.facts(path)


def plan(index: Index, manifest_path: str, open_store: Open, local_ca: bool, trust_manifest: bool) -> Plan:
    """What is to be done; the manifest that is there decides where everything belongs, else the backup's own when it is trusted."""
    manifest = _manifest(index, os.path.abspath(os.path.expanduser(manifest_path)), trust_manifest)
    parts = tuple(parts_of(manifest, local_ca))
    stores = tuple(one for one in leaves(manifest.secret_store) if not is_there(open_store(one), index)) if index.current else ()
    return Plan(index, manifest, parts, stores, missing(parts, index))


def _manifest(index: Index, path: str, trusted: bool) -> Manifest:
    try:
        return load(path)
    except NotFoundError:
        if not index.manifest:
            raise ConfigError(f"there is no {path}, and the backup has no manifest", hint="write one first", field="manifest") from None
    if not trusted:
        refuse_strange(index.manifest, path)
    return Manifest.parse(parse_yaml(index.manifest, path), path)


def _write(file: IO[bytes], passphrase: Secret, path: str, planned: Plan, open_store: Open) -> None:
    """Stage everything, then put it in its places."""
    suffix = f"{STAGED}{secrets.token_hex(4)}"
    stager = FileStager(planned.parts, planned.files, planned.index, suffix)
    fillers: List[Filler] = []
    try:
        for options in planned.stores:
            fillers.append(Filler(options, open_store, planned.index, suffix))
        for record in read_records(file, passphrase, path):
            if record["kind"] == "file":
                stager.add(record)
            elif record["kind"] in ("lineage", "version"):
                fill(fillers, record)
        last = [part.name for part in planned.parts if part.kept]
        stager.finish([part.name for part in planned.parts if not part.kept])
        for filler in fillers:
            filler.finish()
        stager.finish(last)
    finally:
        stager.abort()
        for filler in fillers:
            filler.abort()
