# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make server programs use versions: swap the files, one check, one reload for each program.

RefusedError as an answer: the files of that place are as they were, and nothing was reloaded for it.
Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .. import files
from ..errors import ClmError
from . import _server_layout as layout
from . import _server_programs as programs
from ._powers import RefusedError
from ._server_state import State
from ._server_where import CERTIFICATE, Place, Program

Job = Tuple[int, Place, str]


class Binder:
    """Binds places of one host; `seconds` bounds each check and each reload."""

    def __init__(self, state: State, seconds: float) -> None:
        self.state, self.seconds = state, seconds

    def bind(self, pairs: Sequence[Tuple[Place, str]]) -> List[Optional[ClmError]]:
        """One answer for each pair in their order, None when its server has been told to use it."""
        answers: List[Optional[ClmError]] = [None] * len(pairs)
        jobs = [(number, place, ref) for number, (place, ref) in enumerate(pairs)]
        for program in {place.program: None for _number, place, _ref in jobs}:
            self._bind_program(program, [job for job in jobs if job[1].program == program], answers)
        return answers

    def _bind_program(self, program: Program, jobs: List[Job], answers: List[Optional[ClmError]]) -> None:
        before = {place.id: layout.read(place) for _number, place, _ref in jobs}
        swapped = [job for job in jobs if self._swapped(job, answers)]
        complaint = programs.check(program, self.seconds) if swapped else ""
        back = {place.id for _number, place, ref in swapped if self._restoring(place, ref)}
        if complaint and not back:
            swapped = self._one_by_one(program, swapped, before, complaint, answers)
        if not swapped:
            return
        for number, _place, _ref in swapped if complaint and back else ():
            answers[number] = ClmError(f"the server's check complains: {complaint}")
        try:
            programs.reload(program, self._payloads(swapped), self.seconds, restoring=bool(back))
        except ClmError as error:
            for number, _place, _ref in swapped:
                answers[number] = error

    def _swapped(self, job: Job, answers: List[Optional[ClmError]]) -> bool:
        number, place, ref = job
        before = layout.read(place)[0]
        try:
            snapshot = self.state.version(place.id, ref)
            if snapshot is None:
                raise ClmError(f"the version {ref} is not kept on this server any more")
            restoring = self._restoring(place, ref)
            if restoring:
                self.state.write_journal(place.id, {**self.state.journal(place.id), "phase": "open", "restoring": True})
            layout.swap(place, snapshot.contents, snapshot.attributes if restoring else None)
            return True
        except (ClmError, OSError) as error:
            text = error if isinstance(error, ClmError) else files.explain(error, str(error.filename), "swap")
            answers[number] = text  # its files may be mixed: the flow puts the old ones back, or the next run does
            if layout.read(place)[0] == before:
                self._withdraw(place)
                answers[number] = RefusedError(text.message, hint=text.hint)
            return False

    def _one_by_one(
        self, program: Program, jobs: List[Job], before: Mapping[str, Any], complaint: str, answers: List[Optional[ClmError]]
    ) -> List[Job]:
        """Find out whose files the server's check refuses: all go back, then each is tried; returns those that may stay."""
        for _number, place, _ref in jobs:
            layout.swap(place, *before[place.id])
        good: List[Job] = []
        for job in jobs:
            number, place, _ref = job
            if len(jobs) > 1 and self._swapped(job, answers):
                complaint = programs.check(program, self.seconds)
                if not complaint:
                    good.append(job)
                    continue
                layout.swap(place, *before[place.id])
            self._withdraw(place)
            answers[number] = answers[number] or RefusedError(
                f"the server's own check refuses the new files, the old ones are back: {complaint}",
                hint="read what the check says, and mend it",
            )
        return good

    def _withdraw(self, place: Place) -> None:
        """The transaction never was: the journal is what it was before, when the files are what they were."""
        journal = self.state.journal(place.id)
        if journal.get("phase") == "open" and not journal.get("restoring"):
            self.state.write_journal(place.id, journal.get("earlier") or {"phase": ""})

    def _restoring(self, place: Place, ref: str) -> bool:
        journal = self.state.journal(place.id)
        return ref == journal.get("previous") and ref != journal.get("next")

    def _payloads(self, jobs: Iterable[Job]) -> Dict[str, bytes]:
        contents = {place.files[CERTIFICATE]: layout.read(place)[0][CERTIFICATE] for _number, place, _ref in jobs}
        return {path: data.reveal() for path, data in contents.items() if data is not None}
