# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploy versions as transactions on any target: read, put, bind, prove, else bind what was bound before.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from ..contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Clock, Deployed, Target
from ..errors import ClmError
from ..outcome import DONE, FAILED, PLANNED, UNCHANGED, UNPROVEN, Outcome, Reason
from ..targets._powers import Holder, Planner, RefusedError
from ..x509 import pem
from ._deploy_restore import bind_back, commit, put_back, restore
from ._deploy_run import NOTHING_CHANGED, Item, Run, bind_all, fail, finish, phase_of, prove, read, settle, way_back

__all__ = ["Item", "bind_back", "commit", "converge", "restore"]


def converge(items: Sequence[Item], *, target: Target, clock: Clock, check_mode: bool = False, concurrency: int = 8) -> Dict[str, Outcome]:
    """One outcome for each item, in the order given; raises nothing that an item can fail with."""
    run = Run(target, clock, check_mode, concurrency)
    todo = _plan(run, _judge(run, read(run, items)))
    if check_mode:
        for item in todo:
            finish(run, item, PLANNED, "plan", f"would replace {_short(run.before[item.id])} by {item.version.sha256}")
    else:
        _look(run, _bind(run, _put(run, todo)))
    return {item.id: run.outcomes[item.id] for item in items}


def _holds(target: Target, item: Item, deployed: Deployed) -> bool:
    if isinstance(target, Holder):
        return target.holds(item.where, item.version)
    if deployed.sha256 != item.version.sha256 or not deployed.chain_pem:
        return deployed.sha256 == item.version.sha256
    return {block.der for block in pem.split(deployed.chain_pem)} == {block.der for block in pem.split(item.version.chain_pem)}


def _reason(item: Item, deployed: Optional[Deployed], held: bool) -> Reason:
    if deployed is None:
        return Reason("not_served", "nothing is deployed there yet")
    if held:
        return Reason("not_served", f"{item.version.sha256} is in place, but it is not what is served")
    if deployed.sha256 == item.version.sha256:
        return Reason("incomplete_chain", "the leaf is right; its chain, its key or the attributes of its files are not")
    return Reason("not_served", f"{deployed.sha256 or 'something that is no certificate'} is in place, {item.version.sha256} is wanted")


def _judge(run: Run, items: Sequence[Item]) -> List[Item]:
    """The items that need work; what holds the version and serves it is finished here."""
    held: List[Item] = []
    todo: List[Item] = []
    answers = run.each(lambda item: (d := run.before[item.id]) is not None and _holds(run.target, item, d), items)
    for item, answer in zip(items, answers):
        if isinstance(answer, ClmError):
            fail(run, item, "read", answer)
            continue
        run.reasons[item.id] = _reason(item, run.before[item.id], answer)
        (held if answer else todo).append(item)
    for item, proof in zip(held, prove(run, [(item, item.version.sha256) for item in held])):
        if proof.answer == SERVED and _taken_unseen(run, item):
            run.reasons[item.id] = Reason("incomplete_chain", "it is in place, but an earlier run did not see the server take it")
            todo.append(item)
        elif proof.answer == SERVED:
            del run.reasons[item.id]
            _still_served(run, item)
        elif proof.answer == COULD_NOT_LOOK and not _cut_off(run, item):
            text = f"is in place, but could not be looked at: {proof.detail} ({NOTHING_CHANGED})"
            finish(run, item, UNPROVEN, "prove", text, run.again)
        else:
            run.stale.update([item.id] if proof.answer == NOT_SERVED else [])
            todo.append(item)
    return todo


def _cut_off(run: Run, item: Item) -> bool:
    """True when a run was killed between its swap and its proof: whether the server was told is not known."""
    return phase_of(run, item) == "open"


def _taken_unseen(run: Run, item: Item) -> bool:
    """True when the leaf that is served was there before the swap too: it does not show that the server has the new files."""
    back = way_back(run, item) if _cut_off(run, item) else None
    return back is not None and back.sha256 == item.version.sha256


def _still_served(run: Run, item: Item) -> None:
    if not run.check_mode and phase_of(run, item) in ("open", "unproven"):
        run.before[item.id] = way_back(run, item)
        settle(run, item, "proven")
        finish(run, item, DONE, "prove", "an earlier run had put it in place without proof; it is proven now")
        return
    finish(run, item, UNCHANGED, "prove", "is in place and served")


def _plan(run: Run, items: Sequence[Item]) -> List[Item]:
    """The items that nothing speaks against, judged before any write."""
    answers: Sequence[Optional[ClmError]] = [None] * len(items)
    if isinstance(run.target, Planner):
        answers = run.target.plan([(item.where, item.version) for item in items])
    allowed = []
    for item, answer in zip(items, answers):
        answer = answer or _no_way_back(run, item)
        if answer is None:
            allowed.append(item)
        else:
            fail(run, item, "plan", answer)
    return allowed


def _no_way_back(run: Run, item: Item) -> Optional[ClmError]:
    before = run.before[item.id]
    if before is None or before.ref or item.allow_no_rollback:
        return None
    return ClmError(
        f"the present certificate {before.sha256} could not be put back if the new one failed its proof, because its key cannot be had",
        hint="set allow_no_rollback for this deployment to go on without a way back",
    )


def _put(run: Run, items: Sequence[Item]) -> List[Tuple[Item, str]]:
    stored = []
    for item, answer in zip(items, run.each(lambda item: run.target.put(item.where, item.version), items)):
        if isinstance(answer, ClmError):
            fail(run, item, "put", answer)
        else:
            stored.append((item, answer))
    return stored


def _bind(run: Run, pairs: Sequence[Tuple[Item, str]]) -> List[Tuple[Item, str]]:
    """The items that may have changed; an error that is no refusal is judged by what is served then."""
    bound = []
    for (item, ref), answer in zip(pairs, bind_all(run, pairs)):
        if isinstance(answer, RefusedError):
            fail(run, item, "bind", answer)
            continue
        if answer is not None:
            run.trouble[item.id] = answer.message
        bound.append((item, ref))
    return bound


def _look(run: Run, pairs: Sequence[Tuple[Item, str]]) -> None:
    doomed = []
    for (item, ref), proof in zip(pairs, prove(run, [(item, item.version.sha256) for item, _ref in pairs])):
        troubled, present = item.id in run.trouble and item.id not in run.stale, run.before[item.id]
        back = run.before[item.id] = way_back(run, item)
        blind = troubled and any(one is not None and one.sha256 == item.version.sha256 for one in (present, back))
        if proof.answer == SERVED and not blind:
            settle(run, item, "proven")
            finish(run, item, DONE, "prove", f"{item.version.sha256} is served")
        elif proof.answer == SERVED and back is not None and back.ref == ref:  # the journal stays open: the next run tells the server again
            text = f"{item.version.sha256} was served before too, so that does not show that the server has taken its files"
            finish(run, item, FAILED, "bind", text, run.mend)
        elif proof.answer == SERVED:
            doomed.append(item)
        elif proof.answer == COULD_NOT_LOOK:
            if not blind:
                settle(run, item, "unproven")
            finish(run, item, UNPROVEN, "prove", f"was put in place, but could not be looked at: {proof.detail}", run.again)
        else:
            run.trouble[item.id] = "; ".join(filter(None, (proof.detail, run.trouble.get(item.id))))
            doomed.append(item)
    put_back(run, doomed)


def _short(deployed: Optional[Deployed]) -> str:
    return (deployed.sha256 or "what is no certificate") if deployed else "nothing"
