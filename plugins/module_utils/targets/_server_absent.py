# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a place's files away as a transaction, and then every copy of its keys on this host.

The journal's phase is `removing` until the server's own check is content without the files: a run that is killed before that
has them put back by the next one. Then `unbound`, and `absent` when no copy is left. Standard library only: it travels.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, FrozenSet, List, Mapping, Sequence

from .. import durable, files
from ..contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Clock, Proof
from . import _server_layout as layout
from ._server_proof import LOOK_SECONDS, Looker, Pace, Spot, spots_of
from ._server_recovery import REMOVING
from ._server_snapshot import snapshot_of, text_of
from ._server_state import Snapshot, State
from ._server_where import CERTIFICATE, KEY, Place

UNBOUND, ABSENT = "unbound", "absent"


def begin(state: State, place: Place, clock: Clock) -> None:
    """Keep what is there durably, then say in the journal that it is about to go."""
    present, dressed = layout.read(place)
    snapshot = snapshot_of(place, present, dressed, clock)
    state.keep(place.id, snapshot)
    former = {name: value for name, value in state.journal(place.id).items() if name != "former"}
    journal = {"phase": REMOVING, "previous": snapshot.ref, "former": former, "files": dict(place.files), "layout": place.layout}
    state.write_journal(place.id, {**journal, "at": text_of(clock())})


def remove(place: Place) -> None:
    """Remove the files; a link that leads to one stays until all is over."""
    paths = [os.path.realpath(path) for path in place.files.values()]
    for path in paths:
        files.remove(path)
    durable.sync((), {os.path.dirname(path) for path in paths})


def unbound(state: State, place: Place, clock: Clock) -> None:
    """The server has taken it: from here nothing is put back by a later run."""
    state.write_journal(place.id, {**state.journal(place.id), "phase": UNBOUND, "at": text_of(clock())})


def has_copies(state: State, place: Place) -> bool:
    """True when the state folder still has versions of the place, or its removal has not ended."""
    return state.journal(place.id).get("phase") == UNBOUND or any(True for _one in state.versions(place.id))


def forget(state: State, place: Place, clock: Clock, keep_keys: bool) -> List[Dict[str, str]]:
    """Remove every copy on this host, what was removed written first; with `keep_keys` the keys are kept, once each."""
    journal = state.journal(place.id)
    snapshots = list(state.versions(place.id))
    rows = [dict(row) for row in journal.get("removed", ())]
    for row in (*_in_place(place, journal, snapshots), *(_kept_row(state, place, one) for one in snapshots if _has_key(place, one))):
        rows += [row] if row not in rows else []
    record = {"phase": journal.get("phase", ""), "previous": journal.get("previous"), "removed": rows}
    state.write_journal(place.id, {**record, "files": dict(place.files), "layout": place.layout, "at": text_of(clock())})
    for one in snapshots:
        if keep_keys and _has_key(place, one):
            state.keep_key(place.id, one.spki_sha256, layout.key_of(_key_content(place, one)))
        state.forget(place.id, one.ref)
    _forget_made(os.path.dirname(state.path_of_journal(place.id)), keep_keys)
    for path in place.files.values():
        if os.path.islink(path) and not os.path.exists(path):
            files.remove(path)
            durable.sync_folder(os.path.dirname(path))
    state.write_journal(place.id, {"phase": ABSENT, "removed": rows, "at": text_of(clock())})
    return rows


def _forget_made(folder: str, keep_keys: bool) -> None:
    """Remove the request that waits, and the keys that were made here."""
    files.remove(os.path.join(folder, "request.json"))
    keys = os.path.join(folder, "keys")
    if not keep_keys and os.path.isdir(keys):
        for name in os.listdir(keys):
            files.remove(os.path.join(keys, name))
        durable.sync_folder(keys)
    durable.sync_folder(folder)


def _in_place(place: Place, journal: Mapping[str, Any], snapshots: Sequence[Snapshot]) -> List[Dict[str, str]]:
    """The row of the server's own key file, when it was removed by this transaction."""
    mine = [one for one in snapshots if one.ref == journal.get("previous") and journal.get("phase") == UNBOUND and _has_key(place, one)]
    return [{"path": place.files.get(KEY, place.files[CERTIFICATE]), "spki_sha256": one.spki_sha256} for one in mine]


def _kept_row(state: State, place: Place, one: Snapshot) -> Dict[str, str]:
    role = KEY if one.contents.get(KEY) is not None else CERTIFICATE
    return {"path": os.path.join(state.version_folder(place.id, one.ref), role), "spki_sha256": one.spki_sha256}


def _key_content(place: Place, one: Snapshot) -> Any:
    return layout.in_pem(place, one.contents.get(KEY) or one.contents.get(CERTIFICATE))


def _has_key(place: Place, one: Snapshot) -> bool:
    content = _key_content(place, one)
    return content is not None and bool(layout.key_of(content).reveal())


def prove_gone(place: Place, mine: FrozenSet[str], pace: Pace, looker: Looker) -> Proof:
    """SERVED when any address still shows one of these certificates to new connections, NOT_SERVED when none does.

    What refuses, resets or shows another certificate does not serve it; a time-out says nothing, so it could not be looked at.
    """
    spots = spots_of(place.endpoints)
    deadline = pace.now() + pace.timeout
    with ThreadPoolExecutor(max_workers=max(1, len(spots))) as pool:
        proofs = list(pool.map(lambda spot: _gone(spot, place.slot, mine, pace, deadline, looker), spots))
    for answer in (SERVED, COULD_NOT_LOOK):
        bad = [proof for proof in proofs if proof.answer == answer]
        if bad:
            return Proof(answer, bad[0].sha256, "; ".join(proof.detail for proof in bad[:4]))
    return Proof(NOT_SERVED)


def _gone(spot: Spot, slot: str, mine: FrozenSet[str], pace: Pace, deadline: float, looker: Looker) -> Proof:
    good, last = 0, Proof(COULD_NOT_LOOK, detail=f"{spot.name}: there was no time to look")
    while True:
        left = deadline - pace.now()
        if left <= 0:
            return last
        seen = looker(spot, slot, max(0.1, min(LOOK_SECONDS, left)))
        if seen.sha256 in mine:
            good, last = 0, Proof(SERVED, seen.sha256, f"{spot.name} serves {seen.sha256}")
        elif seen.sha256 or seen.spoke:
            good += 1
            if good >= max(1, pace.consecutive):
                return Proof(NOT_SERVED)
        else:
            good, last = 0, Proof(COULD_NOT_LOOK, detail=f"{spot.name}: {seen.detail}")
        pace.sleep(pace.interval)
