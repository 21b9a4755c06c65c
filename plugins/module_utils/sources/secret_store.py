# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `secret_store`: every version that the secret store keeps, whether or not anything serves it."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping

from ..contracts import RETIRED, Clock, Found, SecretStore, Source, StoredVersion
from ..errors import ClmError, ConfigError
from ..x509.pem import split

NAME = "secret_store"
MAX_CHAIN = 16
MAX_PROBLEMS = 10
# The store itself is handed over: a source knows no store's type.
OPTIONS: Dict[str, Dict[str, Any]] = {"store": {"type": "raw", "required": True}}


class SecretStoreSource:
    """One record for each version with a certificate; a damaged one is a record with an error.

    A lineage that the store cannot tell about hides no other: it is said when all the others have been told.
    """

    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def find(self) -> Iterator[Found]:
        """Every version of every lineage; a store that does not answer raises ClmError, one of its lineages alone only at the end."""
        problems: List[str] = []
        for lineage in self._store.lineages():
            try:
                yield from self._of(lineage)
            except ClmError as error:
                problems.append(f"lineage {lineage}: {error}")
        if problems:
            more = f"; and {len(problems) - MAX_PROBLEMS} more" if len(problems) > MAX_PROBLEMS else ""
            raise ClmError("; ".join(problems[:MAX_PROBLEMS]) + more)

    def _of(self, lineage: str) -> List[Found]:
        current = self._store.current(lineage)
        versions = [one for one in self._store.versions(lineage) if one.chain_pem or one.meta.get("malformed")]
        return [found(one, one.version == current and one.state != RETIRED) for one in versions]


def found(version: StoredVersion, current: bool) -> Found:
    """One version as a record."""
    where = {"lineage": version.lineage, "version": version.version, "state": version.state, "current": current}
    if version.meta.get("malformed"):
        return Found(NAME, where, error=str(version.meta["malformed"]))
    try:
        return Found(NAME, where, tuple(block.der for block in split(version.chain_pem, limit=MAX_CHAIN)))
    except ClmError as error:
        return Found(NAME, where, error=str(error))


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source of the options in OPTIONS."""
    if options.get("store") is None:
        raise ConfigError("a secret store is needed", field="store")
    return SecretStoreSource(options["store"])
