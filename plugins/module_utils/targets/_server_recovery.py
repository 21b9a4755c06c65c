# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finish or undo what a killed run left: no certificate stays beside another one's key. Standard library only: it travels."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Mapping, Optional

from .. import files
from ..contracts import Clock
from ..errors import ClmError, MalformedError
from ..moments import moment_of
from . import _server_layout as layout
from . import _server_unfinished as unfinished
from ._server_state import Snapshot, State, ref_of
from ._server_where import Place, Program

REMOVING = "removing"  # the phase of a journal whose files are being taken away, until the server's own check is content
_NO_PROGRAM = Program((), "", ())
RUN_AGAIN = "then run `ansible-playbook certops.clm.rotate` again: it takes up what is left"


@dataclass
class Recovered:
    """A sentence for each place whose files were mended, and by deployment why one could not be."""

    mended: List[str] = field(default_factory=list)
    stuck: Dict[str, ClmError] = field(default_factory=dict)


def recover(state: State, clock: Clock, dead: Mapping[str, FrozenSet[str]]) -> Recovered:
    """Try every place by itself; one that cannot be mended costs no other its turn. What was swapped whole stays for its own run.

    Files that match no version of the journal were changed by somebody else and are left alone, as is a journal that cannot be read.
    """
    done = Recovered()
    unfinished.clean(state.path, clock().timestamp())
    for name in state.deployments():
        guarded(state, name, done, partial(_whole, state, clock, name, dead.get(name, frozenset())))
    return done


def _whole(state: State, clock: Clock, name: str, dead: FrozenSet[str]) -> str:
    said = _recover(state, clock, name, dead)
    unfinished.forget(state.path, name)  # or the next boot would put back what was before
    return said


def guarded(state: State, name: str, done: Recovered, work: Callable[[], str]) -> None:
    """Keep what the work on this one place says, or why it failed."""
    path = state.path_of_journal(name)
    try:
        sentence = work()
    except MalformedError:  # the run that wants this deployment says so
        return
    except (ClmError, OSError) as error:
        found = error if isinstance(error, ClmError) else files.explain(error, str(error.filename), "mend")
        text = f"{name}: what an earlier run left half swapped could not be mended: {found.message}; its journal is {path}"
        done.stuck[name] = ClmError(text, hint=f"{found.hint or 'see to the file that it names'}, {RUN_AGAIN}")
    except (KeyError, TypeError, ValueError, AttributeError):
        hint = f"look at the server's files, move the journal away, {RUN_AGAIN}"
        done.stuck[name] = ClmError(f"{name}: its journal {path} names no files and versions that could be mended", hint=hint)
    else:
        done.mended += [sentence] if sentence else []


def _recover(state: State, clock: Clock, name: str, dead: FrozenSet[str]) -> str:
    journal = state.journal(name)
    state.clean_versions(name)
    if journal.get("phase") == REMOVING:
        return f"{name}: a run was killed while it took the files away, {removal_undone(state, name)} is back"
    if journal.get("phase") != "open":
        return ""
    place = place_in(name, journal)
    for folder in {os.path.dirname(os.path.realpath(path)) for path in place.files.values()}:
        if os.path.isdir(folder):
            files.remove_stale(folder, 0, clock().timestamp() + 1)
    refs = [str(journal[role]) for role in ("previous", "replaced", "next") if journal.get(role)]
    known = {ref: state.version(name, ref) for ref in refs}
    back, new = known[back_ref(journal)], known[str(journal["next"])]
    present, _dressed = layout.read(place)
    ref = ref_of(present)
    if back is None or new is None or ref == new.ref:
        return ""
    if ref == back.ref:
        if not journal.get("restoring"):  # nothing was swapped, or the swap was undone: there was no reload
            state.withdraw(name, journal)
        return ""
    if ref in known or not _mixed(place, present, known.values()):
        return ""
    if may_come_back(back, clock, dead):
        layout.swap(place, back.contents, back.attributes, state=state)
        if not journal.get("restoring"):
            state.withdraw(name, journal)
        return f"{name}: a run was killed in mid-swap, {back.sha256} is whole again"
    layout.swap(place, new.contents, state=state)
    return f"{name}: a run was killed in mid-swap, {new.sha256} is whole now, for what was before is not put back"


def removal_undone(state: State, name: str) -> str:
    """Files that were taken away come back as they were, and the journal from before; returns the SHA-256 that is back."""
    journal = state.journal(name)
    snapshot = state.version(name, str(journal["previous"]))
    if snapshot is None:
        raise ClmError("what was there is not kept on this server any more", hint="deploy it again from the secret store")
    layout.swap(place_in(name, journal), snapshot.contents, snapshot.attributes, state=state)
    state.withdraw(name, journal)
    return snapshot.sha256


def place_in(name: str, journal: Mapping[str, Any]) -> Place:
    """The place as it was when its journal was opened; it may be nobody's any more."""
    return Place(name, str(journal["layout"]), journal["files"], _NO_PROGRAM, ())


def back_ref(journal: Mapping[str, Any]) -> str:
    """What an undone swap leads to: on the way back the version before the transaction, else what the swap replaced."""
    return str(journal["previous"] if journal.get("restoring") else journal.get("replaced") or journal["previous"])


def _mixed(place: Place, present: layout.Contents, known: Iterable[Optional[Snapshot]]) -> bool:
    """True when every file is one of a version that the journal names."""
    return all(present.get(role) in [one.contents.get(role) for one in known if one is not None] for role in place.files)


def may_come_back(old: Snapshot, clock: Clock, dead: FrozenSet[str]) -> bool:
    """False for what is expired, listed as dead, or no certificate."""
    until = moment_of(old.not_after)
    alive = not old.not_after or (until is not None and until > clock())
    return bool(old.sha256) and alive and old.sha256 not in dead
