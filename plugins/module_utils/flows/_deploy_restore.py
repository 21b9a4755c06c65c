# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back and the end of a deployment: bind what was bound before, or commit what is there now.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Sequence, Tuple

from ..contracts import COULD_NOT_LOOK, SERVED, Clock, Deployed, Target, Version
from ..errors import ClmError, ConfigError
from ..outcome import DONE, FAILED, PLANNED, ROLLED_BACK, UNCHANGED, UNPROVEN, Outcome
from ..targets._powers import Settler
from ._deploy_run import Item, Run, bind_all, facts, fail, finish, phase_of, prove, read, settle, way_back


def restore(items: Sequence[Item], *, target: Target, clock: Clock, check_mode: bool = False, concurrency: int = 8) -> Dict[str, Outcome]:
    """Put back what was there before; an item whose `version.sha256` is not what is in place has nothing to undo."""
    _settler(target)
    run = Run(target, clock, check_mode, concurrency)
    todo, settled = [], []
    for item in read(run, items):
        present = run.before[item.id]
        here = facts(present) if present else {}
        if item.version.sha256 and (present is None or present.sha256 != item.version.sha256):
            finish(run, item, UNCHANGED, "restore", f"{item.version.sha256} is not in place, there is nothing to undo", after=here)
        elif phase_of(run, item) == "restored":
            settled.append(item)
        else:
            todo.append(item)
    _check_restored(run, settled)
    _restore(run, todo)
    return {item.id: run.outcomes[item.id] for item in items}


def bind_back(items: Sequence[Tuple[Item, Deployed]], *, target: Target, clock: Clock, concurrency: int = 8) -> Dict[str, Outcome]:
    """What came of binding again what an earlier run found bound, each by its ref; `version` is what it takes the place of."""
    run = Run(target, clock, False, concurrency)
    run.before.update({item.id: back for item, back in items})
    put_back(run, [item for item, _back in items], DONE)
    return {item.id: run.outcomes[item.id] for item, _back in items}


def _settler(target: Target) -> Settler:
    if not isinstance(target, Settler):
        raise ConfigError("this kind of target keeps no previous version: deploy the earlier version again instead")
    return target


def _check_restored(run: Run, items: Sequence[Item]) -> None:
    pairs = [(item, present) for item in items if (present := run.before[item.id]) is not None]
    for (item, present), proof in zip(pairs, prove(run, [(item, present.sha256) for item, present in pairs])):
        if proof.answer == SERVED:
            finish(run, item, UNCHANGED, "restore", f"{present.sha256} is back already and served", after=facts(present))
        elif proof.answer == COULD_NOT_LOOK:
            text = f"{present.sha256} is back already, but could not be looked at: {proof.detail}"
            finish(run, item, UNPROVEN, "restore", text, run.again, facts(present))
        else:
            finish(run, item, FAILED, "restore", f"{present.sha256} is back already, but {proof.detail}", run.mend, facts(present))
    for item in items:
        if run.before[item.id] is None:
            finish(run, item, UNCHANGED, "restore", "there is nothing in place, as before", after={})


def _restore(run: Run, items: Sequence[Item]) -> None:
    """Swap the roles: what is there now is reported as `before`, what is put back as `after`."""
    present, todo = dict(run.before), []
    for item in items:
        run.before[item.id] = back = way_back(run, item)
        if back is None:
            why = run.trouble.get(item.id) or "no previous version is kept on the server"
            error = ClmError(why, hint="deploy the earlier version from the secret store")
            run.before[item.id] = present[item.id]
            fail(run, item, "restore", error)
        elif run.check_mode:
            finish(run, item, PLANNED, "restore", f"would put back {back.sha256}", after=facts(back))
        else:
            here = present[item.id] or Deployed("", "")
            todo.append(replace(item, version=Version(here.sha256, here.chain_pem, "")))
    put_back(run, todo, DONE)
    for item in items:
        outcome, now = run.outcomes[item.id], present[item.id]
        run.outcomes[item.id] = replace(outcome, before=facts(now) if now else {})


def commit(items: Sequence[Item], *, target: Target, clock: Clock, check_mode: bool = False) -> Dict[str, Outcome]:
    """End the transactions of what is in place; refuses to commit a version that is not there."""
    _settler(target)
    run = Run(target, clock, check_mode)
    for item in read(run, items):
        present, phase = run.before[item.id], phase_of(run, item)
        here = facts(present) if present else {}
        if item.version.sha256 and here.get("sha256") != item.version.sha256:
            error = ClmError(f"{item.version.sha256} is not in place", hint=run.mend)
            fail(run, item, "commit", error)
        elif phase in ("", "committed", "restored"):
            finish(run, item, UNCHANGED, "commit", "there is no open transaction", after=here)
        elif check_mode:
            finish(run, item, PLANNED, "commit", "would end the transaction", after=here)
        else:
            settle(run, item, "committed")
            if item.id in run.trouble:
                fail(run, item, "commit", ClmError(run.trouble[item.id], hint=run.mend), "what is served stays")
                continue
            finish(run, item, DONE, "commit", "the transaction has ended; the previous version stays for a rollback", after=here)
    return {item.id: run.outcomes[item.id] for item in items}


def _refusal(run: Run, item: Item, back: Optional[Deployed]) -> str:
    """Why what was bound before is not put back; empty when it is."""
    if back is None or not back.sha256:
        return "there is no earlier certificate to put back"
    if back.sha256 in item.dead:
        return f"the earlier certificate {back.sha256} is revoked or compromised and is never put back"
    if back.not_after is not None and back.not_after <= run.clock():
        return f"the earlier certificate {back.sha256} expired at {facts(back)['not_after']} and is never put back"
    return ""


def _is_back(run: Run, item: Item, back: Deployed) -> bool:
    """True when the place holds it again: a server may serve from memory what a full disk could not take back."""
    now = run.each(lambda one: run.target.read(one.where), [item])[0]
    return isinstance(now, Deployed) and now.ref == back.ref


def put_back(run: Run, items: Sequence[Item], state: str = ROLLED_BACK) -> None:
    """Bind what was bound before and prove it; a dead certificate stays away, and the item fails with both SHA-256s."""
    pairs = []
    for item in items:
        back = run.before[item.id]
        refusal = _refusal(run, item, back)
        if refusal or back is None:
            finish(run, item, FAILED, "restore", f"{item.version.sha256} stays in place: {refusal}", run.mend)
        else:
            pairs.append((item, back))
    errors = bind_all(run, [(item, back.ref) for item, back in pairs])
    proofs = prove(run, [(item, back.sha256) for item, back in pairs])
    for (item, back), error, proof in zip(pairs, errors, proofs):
        same = back.sha256 == item.version.sha256  # then what is served does not show which files the server has loaded
        if proof.answer == SERVED and (error is None or (not same and _is_back(run, item, back))):
            trouble = run.trouble.pop(item.id, "")
            settle(run, item, "restored")
            next_action = run.mend if state == ROLLED_BACK else ""
            unseen = "has new files that the server is not seen to have taken" if same else "was not served"
            why = f"{item.version.sha256} {unseen} ({trouble}), so " if trouble else ""
            what = "what was there before, with the same leaf," if same else back.sha256
            finish(run, item, state, "restore", f"{why}{what} was put back and is served", next_action, facts(back))
            continue
        detail = "; ".join(filter(None, (proof.detail, str(error) if error else "")))
        served = f"served now: {proof.sha256}" if proof.sha256 else "what is served now could not be seen"
        what = "what was there before, with the same leaf," if same else back.sha256
        text = f"{what} was to be put back in place of {item.version.sha256}, but that is not proven: {detail}; {served}"
        finish(run, item, FAILED, "restore", text, run.mend, facts(back))
