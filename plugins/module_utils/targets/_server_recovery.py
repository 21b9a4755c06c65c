# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finish or undo what a killed run left: no certificate stays beside another one's key. Standard library only: it travels."""

from __future__ import annotations

import os
from typing import Any, FrozenSet, List, Mapping

from .. import files
from ..contracts import Clock
from ..errors import MalformedError
from . import _server_layout as layout
from ._server_snapshot import moment_of
from ._server_state import Snapshot, State, ref_of
from ._server_where import Place, Program

_NO_PROGRAM = Program((), "", ())


def recover(state: State, clock: Clock, dead: Mapping[str, FrozenSet[str]]) -> List[str]:
    """A sentence for each place whose files were mended. What was swapped whole stays for its own run to prove.

    Files that match neither version were changed by somebody else and are left alone, as is a journal that cannot be read.
    """
    mended: List[str] = []
    for name in state.deployments():
        try:
            journal = state.journal(name)
        except MalformedError:  # the run that wants this deployment says so
            continue
        state.clean_versions(name)
        if journal.get("phase") == "open":
            mended += _recover(state, clock, name, journal, dead.get(name, frozenset()))
    return mended


def _recover(state: State, clock: Clock, name: str, journal: Mapping[str, Any], dead: FrozenSet[str]) -> List[str]:
    place = Place(name, str(journal["layout"]), journal["files"], _NO_PROGRAM, ())
    for folder in {os.path.dirname(os.path.realpath(path)) for path in place.files.values()}:
        if os.path.isdir(folder):
            files.remove_stale(folder, 0, clock().timestamp() + 1)
    old, new = state.version(name, str(journal["previous"])), state.version(name, str(journal["next"]))
    if old is None or new is None:
        return []
    present, _dressed = layout.read(place)
    ref = ref_of(present)
    if ref == new.ref:
        return []
    if ref == old.ref:
        if not journal.get("restoring"):  # nothing was swapped, or the swap was undone: there was no reload
            state.write_journal(name, journal.get("earlier") or {"phase": ""})
        return []
    if any(present.get(role) not in (old.contents.get(role), new.contents.get(role)) for role in place.files):
        return []
    if _may_come_back(old, clock, dead):
        layout.swap(place, old.contents, old.attributes)
        if not journal.get("restoring"):
            state.write_journal(name, journal.get("earlier") or {"phase": ""})
        return [f"{name}: a run was killed in mid-swap, {old.sha256} is whole again"]
    layout.swap(place, new.contents)
    return [f"{name}: a run was killed in mid-swap, {new.sha256} is whole now, for what was before is not put back"]


def _may_come_back(old: Snapshot, clock: Clock, dead: FrozenSet[str]) -> bool:
    alive = not old.not_after or moment_of(old.not_after) > clock()
    return bool(old.sha256) and alive and old.sha256 not in dead
