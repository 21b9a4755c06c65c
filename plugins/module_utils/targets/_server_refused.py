# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo what an earlier run left in place although the server's own check refuses it: killed before the check, or the disk was full.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, FrozenSet, List, Mapping, Sequence

from ..contracts import Clock
from . import _server_layout as layout
from . import _server_programs as programs
from ._server_recovery import Recovered, back_ref, guarded, may_come_back, place_in
from ._server_state import State, ref_of
from ._server_where import Place


class Undoing:
    """Works on the places of one run whose journal is open with the new version in place; what came of it is kept in `done`."""

    def __init__(self, state: State, clock: Clock, seconds: float, done: Recovered) -> None:
        self.state, self.clock, self.seconds, self.done = state, clock, seconds, done

    def work(self, places: Sequence[Place], dead: Mapping[str, FrozenSet[str]]) -> None:
        """Put back what was there before, where the check is content then; if it is not, something else is wrong, and all stays."""
        stayed: List[Place] = []
        for place in places:
            if place.program.check and place.id not in self.done.stuck:
                self._each([place], partial(self._find, stayed, dead.get(place.id, frozenset())))
        for program in {place.program: None for place in stayed}:
            mine = [place for place in stayed if place.program == program]
            if not programs.check(program, self.seconds):
                continue
            self._each(mine, self._put_back)
            self._each(mine, self._put_again if programs.check(program, self.seconds) else self._close)

    def _each(self, places: Sequence[Place], step: Callable[[Place], str]) -> None:
        for place in places:
            if place.id not in self.done.stuck:
                guarded(self.state, place.id, self.done, partial(step, place))

    def _find(self, stayed: List[Place], dead: FrozenSet[str], place: Place) -> str:
        journal = self.state.journal(place.id)
        if journal.get("phase") == "open" and back_ref(journal) != journal["next"] == ref_of(layout.read(place_in(place.id, journal))[0]):
            back = self.state.version(place.id, back_ref(journal))
            stayed += [place] if back is not None and may_come_back(back, self.clock, dead) else []
        return ""

    def _put_back(self, place: Place) -> str:
        journal = self.state.journal(place.id)
        return self._swap(place.id, journal, back_ref(journal))

    def _put_again(self, place: Place) -> str:
        journal = self.state.journal(place.id)
        return self._swap(place.id, journal, str(journal["next"]))

    def _swap(self, name: str, journal: Mapping[str, Any], ref: str) -> str:
        snapshot = self.state.version(name, ref)
        if snapshot is not None:
            layout.swap(place_in(name, journal), snapshot.contents, snapshot.attributes or None, state=self.state)
        return ""

    def _close(self, place: Place) -> str:
        journal = self.state.journal(place.id)
        back = self.state.version(place.id, back_ref(journal))
        if not journal.get("restoring"):
            self.state.withdraw(place.id, journal)
        sha256 = back.sha256 if back is not None else "what was there before"
        return f"{place.id}: the server's own check refused what an earlier run had left in place, {sha256} is back"
