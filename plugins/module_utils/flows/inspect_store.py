# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret store holds, as public facts: versions, states, names and dates, never a key."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..contracts import SecretStore, StoredVersion
from ..errors import ClmError
from ..secret_stores._powers_copies import Copied, CountsKeys
from ._issue_values import facts, leaf_of


def inspect_store(store: SecretStore, lineages: Optional[Sequence[str]] = None) -> Dict[str, Any]:
    """Every lineage (or the ones named) with its versions; what cannot be read is said of itself and listed in `damaged`."""
    found = {name: lineage_facts(store, name) for name in (store.lineages() if lineages is None else lineages)}
    places = _places(store)
    return {
        "store": store.identity(),
        "lineages": found,
        "damaged": sorted(name for name, one in found.items() if one["damaged"]),
        "diverging": sorted(name for name, one in found.items() if one["divergences"]),
        **places,
        "remarks": [*places["remarks"], *_nothing(store, found, lineages)],
    }


def _nothing(store: SecretStore, found: Mapping[str, Mapping[str, Any]], lineages: Optional[Sequence[str]]) -> List[str]:
    """What is not there, since an empty answer looks like a good one to whoever asks a wrong or unmounted path."""
    if lineages is None:
        empty = f"nothing is kept in {store.identity()}: it is new, lies elsewhere, or is not mounted"
        return [] if found else [empty]
    missing = [name for name, one in found.items() if not one["versions"] and not one["damaged"]]
    return [f"no version of {name} is kept in {store.identity()}" for name in missing]


def _places(store: SecretStore) -> Dict[str, Any]:
    """How keys lie at rest, and the copies, each where the store can tell; `remarks` say what somebody should look at."""
    keys = store.keys_at_rest() if isinstance(store, CountsKeys) else None
    copies = store.copies() if isinstance(store, Copied) else ()
    gone = [one for one in copies if one.error]
    remarks = [f"the copy {one.store} cannot be reached: {one.error}; nothing can be written until it is back" for one in gone]
    for name, counts in ((store.identity(), keys), *((one.store, one.keys) for one in copies)):
        if counts and counts.encrypted and counts.clear:
            total = counts.encrypted + counts.clear
            remarks.append(f"{counts.clear} of {total} keys in {name} are still in clear: they were saved before it had a passphrase")
    return {"keys_at_rest": keys.as_dict() if keys else {}, "copies": [one.as_dict() for one in copies], "remarks": remarks}


def lineage_facts(store: SecretStore, lineage: str) -> Dict[str, Any]:
    """One lineage: the id of its current version (empty: none), its versions oldest first, what is damaged, and where copies differ."""
    damaged: List[str] = []
    divergences: List[str] = []
    versions: List[Dict[str, Any]] = []
    current = ""
    try:
        divergences += store.divergences(lineage) if isinstance(store, Copied) else ()
        versions = [version_facts(version) for version in store.versions(lineage)]
        damaged += [f"{one['version']}: {one['malformed']}" for one in versions if one["malformed"]]
        current = store.current(lineage) or ""
        if current and current not in {one["version"] for one in versions}:
            damaged.append(f"the current version {current} is gone")
    except ClmError as error:
        damaged.append(str(error))
    return {"current": current, "versions": versions, "damaged": damaged, "divergences": divergences}


def version_facts(version: StoredVersion) -> Dict[str, Any]:
    """One version's public facts; empty texts where there is no certificate yet."""
    found: Dict[str, Any] = {"state": version.state, "malformed": str(version.meta.get("malformed", ""))}
    empty = {"not_before": "", "not_after": "", "names": list(version.meta.get("names", ()))}
    known = _facts(version, found) if version.chain_pem else None
    return {**found, **(known or {**_bare(version), **empty})}


def _facts(version: StoredVersion, found: Dict[str, Any]) -> Optional[Mapping[str, Any]]:
    try:
        return facts(version, leaf_of(version))
    except ClmError as error:
        found["malformed"] = error.message
        return None


def _bare(version: StoredVersion) -> Dict[str, Any]:
    return {
        "version": version.version,
        "sha256": version.sha256,
        "spki_sha256": version.spki_sha256,
        "issuer": str(version.meta.get("issuer", "")),
        "request_id": str(version.meta.get("request_id", "")),
    }
