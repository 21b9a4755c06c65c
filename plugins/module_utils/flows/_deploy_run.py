# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of a deploy batch share: items, facts, outcomes, and the calls on the target that lose no neighbour.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple, TypeVar, Union

from ..contracts import COULD_NOT_LOOK, Clock, Deployed, Prefetcher, Proof, Target, Version, Where
from ..errors import ClmError
from ..outcome import Outcome, Reason, failed
from ..targets._powers import Adviser, BatchBinder, BatchProver, Settler
from ..x509 import pem

T = TypeVar("T")
Result = Union[T, ClmError]
NOTHING_CHANGED = "nothing was changed"
AGAIN = "see that the endpoints can be reached from the server, then run again: it goes on from here"
MEND = "read the log of the server's own program, mend it, then run certops.clm.rotate again: it takes up what is left"


@dataclass(frozen=True)
class Item:
    """One deployment: where, what, and which certificates (SHA-256) must never be put back because they are dead."""

    id: str
    where: Where
    version: Version
    dead: FrozenSet[str] = frozenset()
    allow_no_rollback: bool = False


@dataclass
class Run:
    """What the steps of one batch share; `outcomes` has one entry for each item that is finished.

    `stale` are the items that were in place and seen not to be served: only for them does the same leaf, served later, say something.
    """

    target: Target
    clock: Clock
    check_mode: bool = False
    concurrency: int = 8
    outcomes: Dict[str, Outcome] = field(default_factory=dict)
    before: Dict[str, Optional[Deployed]] = field(default_factory=dict)
    reasons: Dict[str, Reason] = field(default_factory=dict)
    trouble: Dict[str, str] = field(default_factory=dict)
    stale: Set[str] = field(default_factory=set)

    @property
    def mend(self) -> str:
        """What to do where something is not served."""
        return self.target.mend if isinstance(self.target, Adviser) else MEND

    @property
    def again(self) -> str:
        """What to do where nobody could look."""
        return self.target.again if isinstance(self.target, Adviser) else AGAIN

    def each(self, call: Callable[[Item], T], items: Sequence[Item]) -> List[Result[T]]:
        """The answers in order; an error is an answer, so that no neighbour is lost."""

        def guarded(item: Item) -> Result[T]:
            try:
                return call(item)
            except ClmError as error:
                return error
            except OSError as error:
                return ClmError(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))

        if len(items) < 2 or self.concurrency < 2:
            return [guarded(item) for item in items]
        with ThreadPoolExecutor(max_workers=min(self.concurrency, len(items))) as pool:
            return list(pool.map(guarded, items))


def finish(
    run: Run, item: Item, state: str, step: str, message: str, next_action: str = "", after: Optional[Mapping[str, Any]] = None
) -> None:
    """Keep the item's outcome; `after` is by default the version that it was to become."""
    before = run.before.get(item.id)
    trouble = run.trouble.get(item.id)
    run.outcomes[item.id] = Outcome(
        state,
        step,
        reason=run.reasons.get(item.id),
        before=_found(run, before),
        after=version_facts(item.version) if after is None else after,
        message=f"{item.id}: {message}" + (f"; {trouble}" if trouble else ""),
        next_action=next_action,
    )


def _found(run: Run, before: Optional[Deployed]) -> Dict[str, Any]:
    """What was found there; with the ref that binds it again where the target keeps no journal of its own."""
    if before is None:
        return {}
    kept = isinstance(run.target, Settler) or run.target.replaces_in_place
    return {**facts(before), **({} if kept or not before.ref else {"ref": before.ref})}


def fail(run: Run, item: Item, step: str, error: ClmError, more: str = NOTHING_CHANGED) -> None:
    """Keep a failure that left the place as it was."""
    before = run.before.get(item.id)
    same = facts(before) if before else {}
    text = f"{item.id}: {error.field + ': ' if error.field else ''}{error.message} ({more})"
    told = ClmError(text, hint=error.hint, runbook=error.runbook or "deploy")
    run.outcomes[item.id] = failed(step, told, reason=run.reasons.get(item.id), before=same, after=same)


def facts(deployed: Deployed) -> Dict[str, Any]:
    """What results say of something deployed."""
    when = deployed.not_after
    return {"sha256": deployed.sha256, "not_after": when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None}


def version_facts(version: Version) -> Dict[str, Any]:
    """The same of a version that is to be deployed."""
    try:
        when = pem.leaf_facts(pem.split(version.chain_pem)[0].der).not_after
    except (ClmError, IndexError):
        when = None
    return facts(Deployed(version.sha256, "", not_after=when))


def read(run: Run, items: Sequence[Item]) -> List[Item]:
    """Fill `before`; returns the items that could be read."""
    if isinstance(run.target, Prefetcher):
        run.target.prefetch([item.where for item in items])
    readable = []
    for item, answer in zip(items, run.each(lambda item: run.target.read(item.where), items)):
        if isinstance(answer, ClmError):
            fail(run, item, "read", answer)
        else:
            run.before[item.id] = answer
            readable.append(item)
    return readable


def prove(run: Run, pairs: Sequence[Tuple[Item, str]]) -> List[Proof]:
    """A proof for each item and SHA-256; an error while looking is "could not look"."""
    if isinstance(run.target, BatchProver):
        return run.target.prove_many([(item.where, sha256) for item, sha256 in pairs])
    wanted = {item.id: sha256 for item, sha256 in pairs}
    answers = run.each(lambda item: run.target.prove(item.where, wanted[item.id]), [item for item, _sha256 in pairs])
    return [Proof(COULD_NOT_LOOK, detail=str(answer)) if isinstance(answer, ClmError) else answer for answer in answers]


def settle(run: Run, item: Item, phase: str) -> bool:
    """Tell a target that keeps transactions how this one ended; True when that is news. An error is the item's trouble."""
    target = run.target
    if not isinstance(target, Settler):
        return False
    return bool(_guarded(run, item, lambda: target.settle(item.where, phase), False))


def phase_of(run: Run, item: Item) -> str:
    """How far the item's latest transaction went, `unreadable` where its journal cannot be read; that is the item's trouble."""
    target = run.target
    if not isinstance(target, Settler):
        return ""
    return str(_guarded(run, item, lambda: target.phase(item.where), "unreadable"))


def way_back(run: Run, item: Item) -> Optional[Deployed]:
    """What is bound again when the proof fails: of an unfinished transaction what was there before it."""
    target = run.target
    if not isinstance(target, Settler):
        return run.before[item.id]
    return _guarded(run, item, lambda: target.previous(item.where), None)


def _guarded(run: Run, item: Item, call: Callable[[], T], fallback: T) -> T:
    """The answer; an error is kept as the item's trouble, so that no neighbour is lost."""
    answer = run.each(lambda _item: call(), [item])[0]
    if isinstance(answer, ClmError):
        run.trouble[item.id] = "; ".join(filter(None, (run.trouble.get(item.id), answer.message)))
        return fallback
    return answer


def bind_all(run: Run, pairs: Sequence[Tuple[Item, str]]) -> List[Optional[ClmError]]:
    """Bind in one go where the target can; an error is an answer."""
    if isinstance(run.target, BatchBinder):
        return run.target.bind_many([(item.where, ref) for item, ref in pairs])
    refs = {item.id: ref for item, ref in pairs}
    answers = run.each(lambda item: run.target.bind(item.where, refs[item.id]), [item for item, _ref in pairs])
    return [answer if isinstance(answer, ClmError) else None for answer in answers]
