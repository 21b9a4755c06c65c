# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `mirrored`: every lineage in more than one store, written to all, read from any.

A write takes the lease in every copy, in their order, and gives first to each what it lacks. A flush makes the versions durable
in all copies, and only then makes one current, in the first copy first. So a run that is killed leaves the first copy ahead and
nothing else, an error before the last step leaves nothing promoted anywhere, and the next lease of the lineage finishes it. Which
copy is newer where they differ is in `_mirrored_view.py`.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ..contracts import Busy, Clock, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import BusyError, ClmError, ConfigError, MalformedError, NotFoundError
from ..identifiers import meant
from ..masking import Secret
from . import _mirrored_places as all_of
from ._mirrored_places import Place
from ._not_durable import NotDurableError, not_durable
from ._powers import Lasting, LeaseExtender, Sharing, Timed, VersionDropper
from ._powers_copies import Copy

NAME = "mirrored"
OPTIONS: Dict[str, Dict[str, Any]] = {"stores": {"type": "list", "elements": "dict", "required": True, "providers": True}}


def create(options: Mapping[str, Any], clock: Clock) -> SecretStore:
    """The store of the stores that the options list; nothing is read or written before it is used."""
    given = options.get("stores")
    if not isinstance(given, (list, tuple)) or len(given) < 2:
        raise ConfigError("at least two stores are needed, each with its type and options", field="secret_store.stores")
    places = [_place(one, f"secret_store.stores[{number}]", clock) for number, one in enumerate(given)]
    names = [place.name for place in places]
    if len(set(names)) != len(names):
        raise ConfigError("two of the stores are one and the same", field="secret_store.stores")
    return MirroredStore(places)


def _place(given: Any, field: str, clock: Clock) -> Place:
    from . import _index as stores

    if not isinstance(given, Mapping) or given.get("type") == NAME:
        raise ConfigError("must be the options of one store, which is not mirrored itself", field=field)
    options = {name: value for name, value in given.items() if name != "type" and value is not None}
    spec = stores.options_of(str(given.get("type")))
    for name in options:
        if name not in spec:
            raise ConfigError("there is no such option", field=f"{field}.{name}", hint=meant(name, sorted(spec)))
    for name, one in spec.items():
        if one.get("required") and name not in options:
            raise ConfigError(f"is needed for type {given['type']}", field=f"{field}.{name}")
    try:
        store = stores.create(str(given["type"]), options, clock)
    except ConfigError as error:
        raise ConfigError(error.message, hint=error.hint, field=error.field.replace("secret_store", field, 1) or field) from None
    return Place(store, str(getattr(store, "path", "")))


class MirroredStore:
    """A SecretStore over others, Copied and VersionDropper."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = tuple(places)
        self._lock = threading.RLock()
        self._leases: Dict[Tuple[str, int], List[Lease]] = {}  # by lineage and fence: one for each place
        self._promoted: Dict[str, Tuple[Lease, str]] = {}
        self._ending: Dict[str, Lease] = {}  # given back, but its version is not promoted yet

    def identity(self) -> str:
        """The identities of the copies, in order."""
        return f"{NAME}:" + ",".join(place.name for place in self._places)

    def copies(self) -> Tuple[Copy, ...]:
        """Every copy, in the order in which they are written."""
        return all_of.copies(self._places)

    def unreachable(self) -> Tuple[str, ...]:
        """One sentence for every copy that cannot be reached; no key is looked at."""
        said = zip(self._places, all_of.troubles(self._places))
        return tuple(f"the copy {place.name} of the secret store cannot be reached: {trouble}" for place, trouble in said if trouble)

    def divergences(self, lineage: str) -> Tuple[str, ...]:
        """One sentence for everything in which the copies that can be reached differ; empty when they agree."""
        return all_of.look(lineage, self._places).divergences()

    def refuse_ephemeral(self) -> None:
        """ConfigError when a copy ends with this run and was not allowed to."""
        for place in self._places:
            if isinstance(place.store, Lasting):
                place.store.refuse_ephemeral()

    def refuse_unshared(self) -> None:
        """ConfigError when a copy is one of this machine's own: its slices would have copies that differ."""
        for place in self._places:
            if isinstance(place.store, Sharing):
                place.store.refuse_unshared()

    def clock_ahead(self) -> float:
        """See the protocol Timed: of the copy from which it differs most."""
        return max((place.store.clock_ahead() for place in self._places if isinstance(place.store, Timed)), key=abs, default=0.0)

    # --- leases ---

    def begin(self, lineage: str, expected_current: Optional[str]) -> Union[Lease, Busy]:
        """Take the lineage in every copy and bring the copies into line; see the contract."""
        if lineage in self._ending and self.current(lineage) == expected_current:
            return self._ending.pop(lineage)
        all_of.refuse_unreachable(self._places)
        taken: Dict[int, Lease] = {}
        try:
            busy = self._take(lineage, taken)
            if busy is not None:
                self._give_back(taken)
                return busy
            current = self.current(lineage)
        except BaseException:
            self._give_back(taken)
            raise
        if current != expected_current:
            self._give_back(taken)
            return Busy(lineage, "", f"the current version of {lineage} is {current or 'none'}, not {expected_current or 'none'}")
        leases = [taken[number] for number in range(len(self._places))]
        self._leases[lineage, leases[0].fence] = leases
        return leases[0]

    def _take(self, lineage: str, taken: Dict[int, Lease]) -> Optional[Busy]:
        """Take every copy and bring them into line; the newest first, so that asking in vain never makes an older one look newer."""
        counts = [all_of.count_of(lineage, place) for place in self._places]
        for number in sorted(range(len(counts)), key=lambda number: counts[number], reverse=True):
            store = self._places[number].store
            answer = store.begin(lineage, store.current(lineage))
            if isinstance(answer, Busy):
                return answer
            taken[number] = answer
        leases = [taken[number] for number in range(len(counts))]
        between = any(lease.fence != count[0] + 1 for lease, count in zip(leases, counts))  # then the counts of now tell
        all_of.repair(lineage, self._places, leases, None if between else counts)
        taken.update(enumerate(all_of.counted_alike(self._places, leases)))
        return None

    def extend(self, lease: Lease) -> Lease:
        """The same lease, for as long again in every copy; BusyError when one was taken over."""
        pairs = [(place.store, one) for place, one in zip(self._places, self._held(lease))]
        again = [store.extend(one) if isinstance(store, LeaseExtender) else one for store, one in pairs]
        self._leases[lease.lineage, lease.fence] = again
        return again[0]

    def end(self, lease: Lease) -> None:
        """Give the lineage back in every copy, after the next `flush` when a version of it waits to be promoted."""
        if lease.lineage in self._promoted:
            self._ending[lease.lineage] = lease
            return
        self._give_back(dict(enumerate(self._leases.pop((lease.lineage, lease.fence), []))))

    def _give_back(self, leases: Mapping[int, Lease]) -> None:
        for number, lease in leases.items():
            self._places[number].store.end(lease)

    def _held(self, lease: Lease) -> List[Lease]:
        found = self._leases.get((lease.lineage, lease.fence))
        if found is None:
            raise BusyError(f"the lease on {lease.lineage} has ended (fence {lease.fence})", hint="run again", field=lease.lineage)
        return found

    # --- writing ---

    def new_version(self, lineage: str) -> str:
        """An id behind those of every copy."""
        all_of.refuse_unreachable(self._places)
        return max(place.store.new_version(lineage) for place in self._places)

    def save(self, lease: Lease, version: StoredVersion) -> None:
        """Write or replace a version in every copy; an error in one is an error of all, and is made good with the next lease."""
        with self._lock:
            for place, own in zip(self._places, self._held(lease)):
                place.store.save(own, version)

    def drop(self, lease: Lease, version: StoredVersion) -> None:
        """Destroy the version's key in every copy; a run that is killed in between leaves a key that `holds_key` tells of."""
        with self._lock:
            for place, own in zip(self._places, self._held(lease)):
                if not isinstance(place.store, VersionDropper):
                    raise ConfigError(f"{place.name} cannot destroy keys", field="secret_store.stores")
                place.store.drop(own, version)

    def holds_key(self, lineage: str, version: str) -> bool:
        """True while a private key of the version lies in any copy."""
        stores = [place.store for place in all_of.reachable(self._places)]
        return any(isinstance(store, VersionDropper) and store.holds_key(lineage, version) for store in stores)

    def promote(self, lease: Lease, version: str) -> None:
        """Make a version that every copy has the current one, with the next `flush`."""
        with self._lock:
            for place, own in zip(self._places, self._held(lease)):
                current = place.store.current(lease.lineage)
                if current is not None:
                    place.store.promote(own, current)  # changes nothing, and refuses a lease that was lost
                found = place.store.load(lease.lineage, version)
                if found is None or not found.chain_pem:
                    problem = f"version {version} of {lease.lineage} has no certificate in {place.name}"
                    raise NotFoundError(f"{problem}: it cannot be the current one")
            self._promoted[lease.lineage] = (lease, version)

    def flush(self) -> None:
        """Make all of it durable in every copy. Of what one copy refuses nothing is promoted, but for what the last step had begun.

        NotDurableError names the lineages that were refused; any other error is about all of them.
        """
        with self._lock:
            promoted, self._promoted = self._promoted, {}
            ending, self._ending = self._ending, {}
            lost: Dict[str, ClmError] = {}
            total = len(self._leases)
            try:
                for place in self._places:
                    self._flush_one(place, lost)
                for lineage in lost:
                    promoted.pop(lineage, None)
                for number, place in enumerate(self._places):
                    self._promote_in(number, place, promoted, lost)
                    self._flush_one(place, lost)
            finally:
                for lease in ending.values():
                    self.end(lease)
            if lost:
                raise not_durable(lost, max(total, len(lost)))

    @staticmethod
    def _flush_one(place: Place, lost: Dict[str, ClmError]) -> None:
        try:
            place.store.flush()
        except NotDurableError as error:  # some lineages were taken over; the others are written
            lost.update((lineage, error) for lineage in error.lineages)

    def _promote_in(self, number: int, place: Place, promoted: Dict[str, Tuple[Lease, str]], lost: Dict[str, ClmError]) -> None:
        """What one copy refuses, the copies behind it are not asked for."""
        for lineage, (lease, version) in list(promoted.items()):
            try:
                place.store.promote(self._held(lease)[number], version)
            except ClmError as error:
                lost[lineage] = error
                del promoted[lineage]

    # --- reading ---

    def load(self, lineage: str, version: Optional[str] = None) -> Optional[StoredVersion]:
        """A version without its key, from the copy that is furthest; MalformedError when two contradict each other."""
        wanted = version or self.current(lineage)
        if wanted is None:
            return None
        held: List[StoredVersion] = []
        problem: Optional[ClmError] = None
        for place in all_of.reachable(self._places):
            try:
                one = place.store.load(lineage, wanted)
            except MalformedError as error:
                problem = error
                continue
            held += [one] if one is not None else []
        found = held[0] if held else None
        if any(one != found for one in held):
            found = all_of.look(lineage, self._places).version(wanted)
        if found is None and problem is not None:
            raise problem
        if found is None and version is None:
            raise MalformedError(f"the current version {wanted} is gone", field=lineage, hint="run lineage_version to choose another")
        return found

    def key(self, ref: KeyRef) -> Secret:
        """The private key from the first copy that has it whole."""
        return all_of.key_of(ref, self._places)

    def versions(self, lineage: str) -> List[StoredVersion]:
        """Every version that some copy has, oldest first; one that the copies contradict each other on has meta['malformed']."""
        return all_of.look(lineage, self._places).versions()

    def current(self, lineage: str) -> Optional[str]:
        """The id of the current version, None when no copy has one; MalformedError when the copies contradict each other."""
        if lineage in self._promoted:
            return self._promoted[lineage][1]
        try:
            told = {place.store.current(lineage) for place in all_of.reachable(self._places)}
        except MalformedError:
            told = set()
        return told.pop() if len(told) == 1 else all_of.look(lineage, self._places).current()

    def lineages(self) -> Iterator[str]:
        """The names of all lineages of all copies, sorted."""
        return iter(sorted({name for place in all_of.reachable(self._places) for name in place.store.lineages()}))
