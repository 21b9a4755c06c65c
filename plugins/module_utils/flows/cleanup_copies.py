# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cleanup does where targets keep a copy of each version: those of versions that go are deleted, before the versions go themselves.

A copy that somebody uses proves that the version is in use, whatever discovery saw: the caller keeps the version then. Killed anywhere,
the next run finds the copies that are left by the records of their versions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..contracts import DROPPED, RETIRED, Clock, Dropper, Lease, SecretStore, StoredVersion, Where
from ..errors import ClmError
from ..ledger import Recorder
from ..outcome import DONE, FAILED, PLANNED, UNCHANGED, Outcome, Reason, failed
from ..targets._powers import InUseError
from ._cleanup_judge import IN_USE, LEFT_OVER
from ._ending import event, public_facts
from .cleanup import AGAIN, STEP
from .leasing import Holding, Pause, lease_of_any

GONE = {DROPPED: "its version is gone", RETIRED: "its lineage has ended"}
Places = Sequence[Tuple[Dropper, Where]]


@dataclass(frozen=True)
class Copy:
    """One copy of a version, and the target that can delete it."""

    ref: str
    version: StoredVersion
    target: Dropper
    where: Where

    @property
    def id(self) -> str:
        """What its outcome is called."""
        return f"{self.version.lineage}/{self.ref}"


@dataclass
class Found:
    """The copies of a lineage's old versions; `unseen` is by SHA-256 why nobody could tell whether there are more."""

    lineage: str
    labels: Mapping[str, Any] = field(default_factory=dict)
    copies: List[Copy] = field(default_factory=list)
    outcomes: Dict[str, Outcome] = field(default_factory=dict)
    unseen: Dict[str, str] = field(default_factory=dict)


def find(lineage: str, old: Sequence[StoredVersion], places: Places, labels: Mapping[str, Any]) -> Found:
    """Look once at each place; a place that does not answer is an outcome that failed, and loses no other."""
    by_sha256, found, refs = {one.sha256: one for one in old if one.sha256}, Found(lineage, labels), set()
    for target, where in places if by_sha256 else ():
        try:
            for ref, sha256 in target.copies(where, frozenset(by_sha256)).items():
                if ref not in refs:
                    refs.add(ref)
                    found.copies.append(Copy(ref, by_sha256[sha256], target, where))
        except ClmError as error:
            name = f"{lineage}/{where.get('id')}"
            found.outcomes[name] = failed(STEP, ClmError(f"copies of old versions at {name}: {error.message}", hint=error.hint or AGAIN))
            found.unseen.update(dict.fromkeys(by_sha256, f"nobody could see whether {where.get('id')} has a copy"))
    return found


def drop_copies(
    found: Found,
    verdicts: Mapping[str, Outcome],
    *,
    in_use: Mapping[str, str],
    store: SecretStore,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    check_mode: bool = False,
    pause: Optional[Pause] = None,
) -> Tuple[Dict[str, Outcome], Dict[str, str]]:
    """An outcome for each copy, and by SHA-256 why a version has to stay for its copy.

    `verdicts` is what cleanup would do, by lineage/version: the copy of what is planned there goes, and that of a version that is gone
    or whose lineage has ended, unless it was seen: `in_use` has the SHA-256 of everything that was, with the place.
    """
    outcomes, going = dict(found.outcomes), []
    for copy in found.copies:
        verdict = verdicts.get(f"{copy.version.lineage}/{copy.version.version}")
        if copy.version.state in GONE or (verdict is not None and verdict.state == PLANNED):
            outcomes[copy.id] = _judged(copy, verdict, in_use.get(copy.version.sha256, ""))
            going += [copy] if outcomes[copy.id].state == PLANNED else []
        elif verdict is not None:
            sentence = verdict.reason.sentence if verdict.reason else verdict.message
            outcomes[copy.id] = _kept(copy, verdict.reason or Reason(verdict.state, verdict.message), sentence)
    if going and not check_mode:
        outcomes.update(_Run(store, ledger, clock, run_id, pause).drop(found, going, outcomes))
    stay = {copy.version.sha256: outcomes[copy.id].message for copy in found.copies if _stays(outcomes.get(copy.id))}
    return outcomes, {**found.unseen, **stay}


def _stays(outcome: Optional[Outcome]) -> bool:
    """Whether the copy shows that its version may not go: somebody uses it, or nobody could tell."""
    return outcome is not None and (outcome.state == FAILED or (outcome.reason is not None and outcome.reason.word == IN_USE))


def _facts(copy: Copy) -> Dict[str, Any]:
    return {**public_facts(copy.version), "copy": copy.ref}


def _kept(copy: Copy, reason: Reason, sentence: str) -> Outcome:
    return Outcome(UNCHANGED, STEP, reason, _facts(copy), _facts(copy), f"{copy.id} is kept: {sentence}")


def _judged(copy: Copy, verdict: Optional[Outcome], seen: str) -> Outcome:
    """Planned, or kept because somebody uses it; failed when nobody could tell."""
    if seen:
        return _in_use(copy, f"it is still in use: {seen}")
    reason = verdict.reason if verdict and verdict.reason else Reason(LEFT_OVER, GONE[copy.version.state])
    try:
        users = copy.target.users(copy.where, copy.ref)
    except ClmError as error:
        return failed(STEP, ClmError(f"{copy.id}: {error.message}", hint=error.hint or AGAIN), before=_facts(copy))
    if users:
        return _in_use(copy, f"it is used by {', '.join(users[:5])}")
    return Outcome(PLANNED, STEP, reason, _facts(copy), {}, f"{copy.id} would be deleted: {reason.sentence}")


def _in_use(copy: Copy, sentence: str) -> Outcome:
    return _kept(copy, Reason(IN_USE, sentence), sentence)


def _unrecorded(copy: Copy, outcome: Optional[Outcome], error: ClmError) -> Outcome:
    said = f"it is {outcome.state}, but not recorded" if outcome else "nothing was deleted"
    return failed(STEP, ClmError(f"{copy.id}: {said}: {error.message}", hint=error.hint or AGAIN), before=_facts(copy))


class _Run:
    """Deletes the copies of one lineage under its lease, so that no other run binds one of them meanwhile."""

    def __init__(self, store: SecretStore, ledger: Recorder, clock: Clock, run_id: str, pause: Optional[Pause]) -> None:
        self._store, self._ledger, self._clock, self._run_id, self._pause = store, ledger, clock, run_id, pause

    def drop(self, found: Found, going: Sequence[Copy], planned: Mapping[str, Outcome]) -> Dict[str, Outcome]:
        """The outcome of each, in the ledger before and after."""
        outcomes: Dict[str, Outcome] = {}
        with Holding(self._store, self._clock) as held:
            lease: Optional[Lease] = None
            try:
                lease = held.add(lease_of_any(self._store, found.lineage, self._pause))
                self._ledger.append([self._event("intent", found, copy, planned[copy.id]) for copy in going])
                outcomes.update({copy.id: self._dropped(copy, planned[copy.id]) for copy in going})
                self._ledger.append([self._event("outcome", found, copy, outcomes[copy.id]) for copy in going])
            except ClmError as error:
                outcomes = {copy.id: _unrecorded(copy, outcomes.get(copy.id), error) for copy in going}
            finally:
                if lease is not None:
                    held.end(lease)
        return outcomes

    def _dropped(self, copy: Copy, planned: Outcome) -> Outcome:
        try:
            copy.target.drop(copy.where, copy.ref)
        except InUseError as error:
            return _in_use(copy, error.message)
        except ClmError as error:
            return failed(STEP, ClmError(f"{copy.id}: {error.message}", hint=error.hint or AGAIN), before=_facts(copy))
        sentence = planned.reason.sentence if planned.reason else ""
        return Outcome(DONE, STEP, planned.reason, _facts(copy), {}, f"{copy.id} is deleted: {sentence}")

    def _event(self, action: str, found: Found, copy: Copy, outcome: Outcome) -> Dict[str, Any]:
        word = outcome.reason.word if outcome.reason else ""
        more = {"state": outcome.state} if action == "outcome" else {}
        return event(action, STEP, copy.version, found.labels, self._run_id, word, outcome.message, copy=copy.ref, **more)
