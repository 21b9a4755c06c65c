# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unbinding deployments on a managed server: what nothing serves is taken away, and put back when the server still wants it.

For each server program: its check as it is; files away; its check again; one reload; proof by new connections that none of the
certificates is served; then every copy of the keys on this host is removed. Standard library only: it travels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Sequence

from .. import files
from ..contracts import COULD_NOT_LOOK, SERVED, Where
from ..errors import ClmError
from ..outcome import DONE, FAILED, PLANNED, UNCHANGED, UNPROVEN, Outcome, failed
from ..targets import _server_absent as removal
from ..targets import _server_layout as layout
from ..targets import _server_programs as programs
from ..targets._server_recovery import removal_undone
from ..targets._server_snapshot import snapshot_of
from ..targets._server_where import CERTIFICATE, Place, texts_of
from ..targets.server import ServerTarget

STEP = "unbind"
AGAIN = "run certops.clm.retire again: it goes on from here"


@dataclass
class _Job:
    place: Place
    mine: FrozenSet[str]
    keep_keys: bool
    sha256: str = ""
    in_place: bool = False
    foreign: bool = False
    removed: Sequence[Mapping[str, Any]] = field(default_factory=list)


def unbind(target: ServerTarget, wheres: Sequence[Where], *, check_mode: bool) -> Dict[str, Outcome]:
    """One outcome for each deployment, by its id; `mine` in an item has the SHA-256 of every certificate that is to be gone."""
    run = _Run(target, check_mode)
    jobs = [job for where in wheres for job in run.read(where)]
    todo = [job for job in jobs if run.is_open(job)]
    bound = [job for job in todo if job.in_place]
    for program in {job.place.program: None for job in bound}:
        run.take_away([job for job in bound if job.place.program == program and run.may_go(job)])
    run.finish([job for job in todo if job.place.id not in run.outcomes])
    return {str(where.get("id")): run.outcomes[str(where.get("id"))] for where in wheres}


class _Run:
    """One call on one host; an error of one place is its own."""

    def __init__(self, target: ServerTarget, check_mode: bool) -> None:
        self._target, self._state, self._check_mode = target, target.state, check_mode
        self.outcomes: Dict[str, Outcome] = {}

    def read(self, where: Where) -> List[_Job]:
        """The job of a deployment; none when it cannot be read, which is its outcome then."""
        name = str(where.get("id"))
        job: List[_Job] = []

        def work() -> None:
            place = self._target.place(where)
            mine = frozenset(one.lower() for one in texts_of(where, "mine"))
            contents, _dressed = layout.read(place)
            sha256 = snapshot_of(place, contents, {}, self._target.clock).sha256
            there = any(content is not None for content in contents.values())
            ours = sha256 in mine
            removed = self._state.journal(place.id).get("removed", ())
            job.append(_Job(place, mine, bool(where.get("keep_keys")), sha256, there and ours, there and not ours, removed))

        self._tried(name, work)
        return job

    def _tried(self, name: str, work: Callable[[], object]) -> bool:
        try:
            work()
            return True
        except (ClmError, OSError) as error:
            found = error if isinstance(error, ClmError) else files.explain(error, str(error.filename), "unbind")
            self.outcomes[name] = failed(STEP, ClmError(f"{name}: {found}", hint=found.hint or f"mend that, then {AGAIN}"))
            return False

    def is_open(self, job: _Job) -> bool:
        """True while something is to be done; else, and in check mode, its outcome is there."""
        name, path = job.place.id, job.place.files[CERTIFICATE]
        if not job.in_place and not removal.has_copies(self._state, job.place):
            left = f"{path} holds {job.sha256 or 'no certificate that can be read'}, which is not of this lineage: it is left alone"
            message = left if job.foreign else "there is nothing of it on this server"
            self._end(job, UNCHANGED, f"{name}: {message}")
        elif self._check_mode:
            self._end(
                job, PLANNED, f"{name}: would take {' and '.join(job.place.files.values())} away, and every copy kept for the way back"
            )
        return name not in self.outcomes

    def may_go(self, job: _Job) -> bool:
        """False, with its outcome, while any of the certificates is served."""
        proof = removal.prove_gone(job.place, job.mine, self._target.pace, self._target.looker)
        if proof.answer == SERVED:
            next_action = f"take {job.place.files[CERTIFICATE]} out of the server's configuration and reload it, then {AGAIN}"
            self._end(job, FAILED, f"{job.place.id} is still served, nothing was changed: {proof.detail}", next_action)
        elif proof.answer == COULD_NOT_LOOK:
            next_action = f"let the server reach its own endpoint, or take the deployment out of the manifest, then {AGAIN}"
            self._end(job, UNPROVEN, f"{job.place.id} could not be looked at, nothing was changed: {proof.detail}", next_action)
        return job.place.id not in self.outcomes

    def take_away(self, jobs: Sequence[_Job]) -> None:
        """All of one program: a check before, files away, a check after, one reload; what the server still wants comes back."""
        if not jobs:
            return
        program = jobs[0].place.program
        broken = programs.check(program, self._target.seconds)
        for job in jobs if broken else ():
            text = f"{job.place.id}: the server's configuration was broken before this run came, nothing was changed: {broken}"
            self._end(job, FAILED, text, f"mend the server's configuration, then {AGAIN}")
        gone = [] if broken else [job for job in jobs if self._away(job)]
        complaint = programs.check(program, self._target.seconds) if gone else ""
        if complaint:
            gone = self._one_by_one(gone, complaint)
        if not gone:
            return
        try:
            programs.reload(program, {}, self._target.seconds)
        except ClmError as error:
            for job in gone:
                self._back(job, f"the server did not reload: {error.message}", "read the server's log and mend it")
            return
        for job in gone:
            self._tried(job.place.id, partial(removal.unbound, self._state, job.place, self._target.clock))

    def _away(self, job: _Job) -> bool:
        def work() -> None:
            layout.check_links(job.place)
            removal.begin(self._state, job.place, self._target.clock)
            removal.remove(job.place)

        return self._tried(job.place.id, work)

    def _one_by_one(self, jobs: Sequence[_Job], complaint: str) -> List[_Job]:
        """Which of them the server still wants: all come back, then each is tried; returns those that may go."""
        hint = "remove the server block that names it first, and reload the server"
        if len(jobs) == 1:
            self._back(jobs[0], _wanted(jobs[0], complaint), hint)
            return []
        good: List[_Job] = []
        for job in jobs:
            self._tried(job.place.id, partial(removal_undone, self._state, job.place.id))
        for job in jobs:
            if job.place.id in self.outcomes or not self._away(job):
                continue
            found = programs.check(job.place.program, self._target.seconds)
            if found:
                self._back(job, _wanted(job, found), hint)
            else:
                good.append(job)
        return good

    def _back(self, job: _Job, why: str, hint: str) -> None:
        """Put the files back; the outcome says why, and whether they are back."""
        if self._tried(job.place.id, partial(removal_undone, self._state, job.place.id)):
            self._end(job, FAILED, f"{job.place.id}: {why}. Its files are back as they were", f"{hint}, then {AGAIN}")

    def finish(self, jobs: Sequence[_Job]) -> None:
        """Prove that none of it is served, and remove every copy."""
        for job in jobs:
            self._tried(job.place.id, partial(self._finish, job))

    def _finish(self, job: _Job) -> None:
        name = job.place.id
        proof = removal.prove_gone(job.place, job.mine, self._target.pace, self._target.looker)
        if proof.answer == SERVED:
            where = "its files are away, but" if not job.foreign else "its file holds another certificate, but"
            text = f"{name}: {where} {proof.detail}; the copy for the way back is kept"
            self._end(job, FAILED, text, f"see why the server still holds it (a restart lets it go), then {AGAIN}")
        elif proof.answer == COULD_NOT_LOOK:
            self._end(job, UNPROVEN, f"{name}: its files are away, but nobody could look: {proof.detail}", AGAIN)
        else:
            job.removed = removal.forget(self._state, job.place, self._target.clock, job.keep_keys)
            kept = ", its keys stay in the state folder of this server" if job.keep_keys else ""
            self._end(job, DONE, f"{name}: nothing here serves it, and {len(job.removed)} copies of its keys were removed{kept}")

    def _end(self, job: _Job, state: str, message: str, next_action: str = "") -> None:
        before = {"sha256": job.sha256} if job.sha256 else {}
        after: Dict[str, Any] = {"removed": [dict(row) for row in job.removed]} if state in (DONE, UNCHANGED) else dict(before)
        self.outcomes[job.place.id] = Outcome(state, STEP, before=before, after=after, message=message, next_action=next_action)


def _wanted(job: _Job, complaint: str) -> str:
    return f"the server's configuration still names {job.place.files[CERTIFICATE]}: {complaint}"
