# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stores that hold the copies: which of them can be reached, what they say of a lineage, and how they are brought into line."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from ..contracts import DROPPED, RETIRED, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, MalformedError, NotFoundError, UnavailableError
from ..masking import Secret
from ._mirrored_view import Count, Seen, View
from ._powers import Counting
from ._powers_copies import Copy, CountsKeys


@dataclass(frozen=True)
class Place:
    """One copy's store; `path` is its folder, empty when it is none on a disk here."""

    store: SecretStore
    path: str = ""

    @property
    def name(self) -> str:
        """What the copy is called in messages."""
        return self.store.identity()


def troubles(places: Sequence[Place]) -> List[str]:
    """For each place, why it cannot be reached, empty when it can.

    A folder that is not there is a disk that is not mounted, unless no other copy holds anything yet: then all of it is new.
    """
    gone = [bool(place.path) and not os.path.isdir(place.path) for place in places]
    if any(gone) and not any(_holds(place) for place, missing in zip(places, gone) if not missing):
        gone = [False] * len(places)
    return [f"its folder {place.path} is not there" if missing else "" for place, missing in zip(places, gone)]


def _holds(place: Place) -> bool:
    try:
        return next(place.store.lineages(), None) is not None
    except ClmError:
        return True


def reachable(places: Sequence[Place]) -> List[Place]:
    """The places that can be read, in order; UnavailableError when there is none."""
    found = [place for place, trouble in zip(places, troubles(places)) if not trouble]
    if not found:
        names = ", ".join(place.name for place in places)
        raise UnavailableError("no copy of the secret store can be reached", hint=f"mount one of {names}")
    return found


def refuse_unreachable(places: Sequence[Place]) -> None:
    """UnavailableError when a copy cannot be reached: then nothing is written to any."""
    for place, trouble in zip(places, troubles(places)):
        if trouble:
            raise UnavailableError(
                f"the copy {place.name} of the secret store cannot be reached ({trouble}): nothing was written to any copy",
                hint="mount it; to give it up, take it out of the manifest's stores; to begin a new copy there, make the empty folder",
                field="secret_store.stores",
            )


def count_of(lineage: str, place: Place) -> Count:
    """How often the copy was taken to be written; nothing where it cannot tell."""
    return place.store.times_taken(lineage) if isinstance(place.store, Counting) else (0, True)


def look(lineage: str, places: Sequence[Place], counts: Optional[Sequence[Count]] = None) -> View:
    """What every copy that answers says of the lineage; the error of the first when none does. `counts` are from before a lease."""
    known = dict(zip((place.name for place in places), counts or ()))
    seen: List[Seen] = []
    first: Optional[ClmError] = None
    for place in reachable(places):
        try:
            seen.append(_seen(lineage, place, known.get(place.name)))
        except ConfigError:  # the name is wrong: every copy would say so
            raise
        except ClmError as error:
            first = first or error
    if not seen and first is not None:
        raise first
    return View(lineage, seen)


def _seen(lineage: str, place: Place, count: Optional[Count]) -> Seen:
    versions = {one.version: one for one in place.store.versions(lineage)}
    try:
        current, problem = place.store.current(lineage), ""
    except MalformedError as error:
        current, problem = None, error.message
    return Seen(place.name, versions, current, problem, count_of(lineage, place) if count is None else count)


def copies(places: Sequence[Place]) -> Tuple[Copy, ...]:
    """Every copy, with what is wrong when it cannot be reached, and how its keys lie at rest."""
    found = []
    for place, trouble in zip(places, troubles(places)):
        keys = None
        try:
            if not trouble and isinstance(place.store, CountsKeys):
                keys = place.store.keys_at_rest()
        except ClmError as error:
            trouble = str(error)
        found.append(Copy(place.name, trouble, keys))
    return tuple(found)


def key_of(ref: KeyRef, places: Sequence[Place]) -> Secret:
    """The key from the first copy that has it whole; the first error that is more than its absence when none has."""
    worst: Optional[ClmError] = None
    for place in reachable(places):
        try:
            return place.store.key(ref)
        except ClmError as error:
            if worst is None or isinstance(worst, NotFoundError):
                worst = error
    raise worst or NotFoundError(f"version {ref.version} of {ref.lineage} has no key here")


def repair(lineage: str, places: Sequence[Place], leases: Sequence[Lease], counts: Optional[Sequence[Count]]) -> None:
    """Give every copy what it lacks; versions first and durably, then the current one. MalformedError for a contradiction."""
    view = look(lineage, places, counts)
    if len(view.copies) != len(places):
        problem = f"a copy of {lineage} cannot be read: nothing was written to any copy"
        raise UnavailableError(problem, hint="look with certops.clm.secret_store_info", field=lineage)
    if not view.divergences():
        return
    current = view.current()
    for version in view.ids():
        _repair_version(view, view.version(version), places, leases)
    for place in places:
        place.store.flush()
    for place, lease, seen in zip(places, leases, view.copies):
        if current is not None and seen.current != current and not _damaged(seen, current):
            place.store.promote(lease, current)
            place.store.flush()


def _repair_version(view: View, best: Optional[StoredVersion], places: Sequence[Place], leases: Sequence[Lease]) -> None:
    if best is None or best.meta.get("malformed"):
        return
    for place, lease, seen in zip(places, leases, view.copies):
        if best.version not in seen.versions:
            place.store.save(lease, replace(best, key=_key_for(best, places)))
        elif seen.versions[best.version] != best and not _damaged(seen, best.version):
            place.store.save(lease, best)


def _key_for(version: StoredVersion, places: Sequence[Place]) -> Optional[Secret]:
    """The version's key, checked against its SPKI SHA-256; None when no copy keeps one, or it was destroyed in one."""
    if version.state in (DROPPED, RETIRED):
        return None
    try:
        return key_of(KeyRef("", version.lineage, version.version, version.spki_sha256), places)
    except NotFoundError:
        return None


def _damaged(seen: Seen, version: str) -> bool:
    return version in seen.versions and seen.good(version) is None


def counted_alike(places: Sequence[Place], leases: Sequence[Lease]) -> List[Lease]:
    """The same leases, counted alike: the copies agree now, so from here on the higher count is the newer copy again."""
    stores = [place.store for place in places]
    top = max((lease.fence for store, lease in zip(stores, leases) if isinstance(store, Counting)), default=0)
    return [store.count_up(lease, top) if isinstance(store, Counting) else lease for store, lease in zip(stores, leases)]
