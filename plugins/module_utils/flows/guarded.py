# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issue flow and the choice of versions behind a ledger that may be shut: break glass lets what has expired or is compromised pass."""

from __future__ import annotations

from typing import Any, Callable, Collection, Dict, Mapping, Optional, Sequence

from .._ledger_session import Session, allowed, refusal
from ..contracts import SecretStore, StoredVersion
from ..errors import ClmError
from ..ledger import NullLedger, Recorder
from ..outcome import FAILED, UNCHANGED, Outcome, failed
from . import issue, lineage_version
from ._issue_values import STEP, leaf_of

Flow = Callable[..., Dict[str, Outcome]]


def converge(wanted: Sequence[issue.Wanted], *, ledger: Recorder, expired: Collection[str] = (), **how: Any) -> Dict[str, Outcome]:
    """`flows.issue.converge`. Ids in `expired` are those of which the caller saw that what is served has expired."""
    return _guarded(issue.converge, STEP, wanted, ledger, expired, how)


def choose(wishes: Sequence[lineage_version.Wish], *, ledger: Recorder, **how: Any) -> Dict[str, Outcome]:
    """`flows.lineage_version.choose`."""
    return _guarded(lineage_version.choose, lineage_version.STEP, wishes, ledger, (), how)


def _guarded(
    flow: Flow, step: str, items: Sequence[Any], ledger: Recorder, expired: Collection[str], how: Mapping[str, Any]
) -> Dict[str, Outcome]:
    """All of it with a ledger; without one what has expired or is compromised is done and spooled, and the rest only looked at."""
    if not isinstance(ledger, Session) or ledger.shut is None or how.get("check_mode"):
        return flow(items, ledger=ledger, **how)
    shut, store, clock = ledger.shut, how["store"], how["clock"]
    currents = {item.id: _current(store, item.lineage) for item in items}
    ends = {item.id: _end(currents[item.id]) for item in items}
    free = [one.id for one in items if allowed(step, ends[one.id], clock(), _dead(one, currents[one.id]))]
    through = [item for item in items if item.id in expired or item.id in free]
    rest = [item for item in items if item not in through]
    done = flow(through, ledger=ledger, **how) if through else {}
    looked = flow(rest, ledger=NullLedger(), **{**how, "check_mode": True}) if rest else {}
    for name, outcome in looked.items():
        done[name] = outcome if outcome.state in (UNCHANGED, FAILED) else _refused(step, shut, ends[name], outcome)
    return {item.id: done[item.id] for item in items}


def _refused(step: str, shut: ClmError, end: Any, outcome: Outcome) -> Outcome:
    return failed(step, refusal(shut, end), reason=outcome.reason, before=outcome.before)


def _current(store: SecretStore, lineage: str) -> Optional[StoredVersion]:
    """The current version; None when there is none, or it cannot be read."""
    try:
        return store.load(lineage)
    except ClmError:
        return None


def _end(current: Optional[StoredVersion]) -> Optional[Any]:
    """Until when it is valid; None when nobody knows."""
    try:
        return leaf_of(current).not_after if current is not None else None
    except ClmError:
        return None


def _dead(item: Any, current: Optional[StoredVersion]) -> bool:
    """Whether an item to be issued says that its current version is compromised or revoked."""
    if not isinstance(item, issue.Wanted) or current is None:
        return False
    said = (item.compromised, item.revoked)
    return bool(current.meta.get("revoked")) or any(one if isinstance(one, bool) else current.sha256 in one for one in said)
