# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make server programs use versions: swap the files, one check, one reload for each program.

RefusedError as an answer: the files of that place are as they were, and nothing was reloaded for it. Any other error: they may
be mixed, and the journal is open, so that the flow or the next run puts them right. No place's error costs a neighbour its turn.
Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from .. import files
from ..errors import ClmError
from . import _server_layout as layout
from . import _server_programs as programs
from ._powers import RefusedError
from ._server_state import State
from ._server_where import CERTIFICATE, Place, Program

Answers = List[Optional[ClmError]]


@dataclass(frozen=True)
class Job:
    """One place of a call: its number there, the version's ref, what the files are before, and whether this is the way back."""

    number: int
    place: Place
    ref: str
    contents: layout.Contents
    dressed: layout.Attributes
    restoring: bool


class Binder:
    """Binds places of one host; `seconds` bounds each check and each reload."""

    def __init__(self, state: State, seconds: float) -> None:
        self.state, self.seconds = state, seconds

    def bind(self, pairs: Sequence[Tuple[Place, str]]) -> Answers:
        """One answer for each pair in their order, None when its server has been told to use it."""
        answers: Answers = [None] * len(pairs)
        jobs = [job for number, (place, ref) in enumerate(pairs) for job in self._jobs(number, place, ref, answers)]
        for program in {job.place.program: None for job in jobs}:
            self._bind_program(program, [job for job in jobs if job.place.program == program], answers)
        return answers

    def _jobs(self, number: int, place: Place, ref: str, answers: Answers) -> List[Job]:
        """The job of a place; none when it cannot even be read."""
        try:
            journal = self.state.journal(place.id)
            restoring = ref == journal.get("previous") and ref != journal.get("next")
            return [Job(number, place, ref, *layout.read(place), restoring)]
        except (ClmError, OSError) as error:
            found = _explained(error, "read")
            answers[number] = RefusedError(found.message, hint=found.hint)
            return []

    def _bind_program(self, program: Program, jobs: List[Job], answers: Answers) -> None:
        swapped = [job for job in jobs if self._swapped(job, answers)]
        complaint = programs.check(program, self.seconds) if swapped else ""
        back = any(job.restoring for job in swapped)
        if complaint and not back:
            swapped = self._one_by_one(program, swapped, complaint, answers)
        if not swapped:
            return
        for job in swapped if complaint and back else ():
            answers[job.number] = ClmError(f"the server's check complains: {complaint}")
        payloads: Dict[str, bytes] = {}
        for job in swapped:
            self._tried(job, answers, "read", partial(_add_payload, job.place, payloads))
        try:
            programs.reload(program, payloads, self.seconds, restoring=back)
        except (ClmError, OSError) as error:
            for job in swapped:
                answers[job.number] = _explained(error, "reload")

    def _tried(self, job: Job, answers: Answers, doing: str, step: Callable[[], None]) -> bool:
        """True when the step went well; its error is the answer of this place alone."""
        try:
            step()
            return True
        except (ClmError, OSError) as error:
            answers[job.number] = _explained(error, doing)
            return False

    def _swapped(self, job: Job, answers: Answers) -> bool:
        if self._tried(job, answers, "swap", lambda: self._swap(job)):
            return True
        refused = answers[job.number]
        if refused is not None and _untouched(job):  # else they may be mixed: the flow puts the old ones back, or the next run does
            answers[job.number] = RefusedError(refused.message + self._withdrawn(job), hint=refused.hint)
        return False

    def _swap(self, job: Job) -> None:
        snapshot = self.state.version(job.place.id, job.ref)
        if snapshot is None:
            raise ClmError(f"the version {job.ref} is not kept on this server any more")
        if job.restoring:
            self.state.write_journal(job.place.id, {**self.state.journal(job.place.id), "phase": "open", "restoring": True})
        layout.swap(job.place, snapshot.contents, snapshot.attributes if job.restoring else None, state=self.state)

    def _one_by_one(self, program: Program, jobs: List[Job], complaint: str, answers: Answers) -> List[Job]:
        """Find out whose files the server's check refuses: all go back, then each is tried; returns those that may stay."""
        good: List[Job] = []
        for job in [job for job in jobs if self._back(job, complaint, answers)]:
            found = complaint
            if len(jobs) > 1:
                if not self._swapped(job, answers):
                    continue
                found = programs.check(program, self.seconds)
                if not found:
                    good.append(job)
                    continue
                if not self._back(job, found, answers):
                    continue
            text = f"the server's own check refuses the new files, the old ones are back: {found}{self._withdrawn(job)}"
            answers[job.number] = RefusedError(text, hint="read what the check says, and mend it")
        return good

    def _back(self, job: Job, complaint: str, answers: Answers) -> bool:
        """True when the files are again what they were; else the journal stays open, for the next run to mend them."""
        if self._tried(job, answers, "swap", lambda: layout.swap(job.place, job.contents, job.dressed, state=self.state)):
            return True
        error = answers[job.number]
        if error is not None:
            text = f"the server's own check complains ({complaint}), and the old files could not all be put back: {error.message}"
            answers[job.number] = ClmError(text, hint=error.hint)
        return False

    def _withdrawn(self, job: Job) -> str:
        """Write that the transaction never was, for its files are what they were; what to add to a message when that failed."""
        try:
            journal = self.state.journal(job.place.id)
            if journal.get("phase") == "open" and not job.restoring:
                self.state.withdraw(job.place.id, journal)
            return ""
        except (ClmError, OSError) as error:
            return f" (and its journal stays open for the next run: {_explained(error, 'write').message})"


def _untouched(job: Job) -> bool:
    try:
        return layout.read(job.place)[0] == job.contents
    except (ClmError, OSError):
        return False


def _add_payload(place: Place, payloads: Dict[str, bytes]) -> None:
    data = layout.read(place)[0][CERTIFICATE]
    if data is not None:
        payloads[place.files[CERTIFICATE]] = data.reveal()


def _explained(error: Union[ClmError, OSError], doing: str) -> ClmError:
    return error if isinstance(error, ClmError) else files.explain(error, str(error.filename), doing)
