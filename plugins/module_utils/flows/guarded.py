# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issue flow and the choice of versions behind a ledger that may be shut: under break glass only what has expired goes through."""

from __future__ import annotations

from typing import Any, Callable, Collection, Dict, Mapping, Optional, Sequence

from .._ledger_session import Session, allowed, refusal
from ..contracts import SecretStore
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
    """All of it with a ledger; without one what has expired is done and spooled, and the rest is only looked at."""
    if not isinstance(ledger, Session) or ledger.shut is None or how.get("check_mode"):
        return flow(items, ledger=ledger, **how)
    shut, store, clock = ledger.shut, how["store"], how["clock"]
    ends = {item.id: _end(store, item.lineage) for item in items}
    through = [item for item in items if item.id in expired or allowed(step, ends[item.id], clock())]
    rest = [item for item in items if item not in through]
    done = flow(through, ledger=ledger, **how) if through else {}
    looked = flow(rest, ledger=NullLedger(), **{**how, "check_mode": True}) if rest else {}
    for name, outcome in looked.items():
        done[name] = outcome if outcome.state in (UNCHANGED, FAILED) else _refused(step, shut, ends[name], outcome)
    return {item.id: done[item.id] for item in items}


def _refused(step: str, shut: ClmError, end: Any, outcome: Outcome) -> Outcome:
    return failed(step, refusal(shut, end), reason=outcome.reason, before=outcome.before)


def _end(store: SecretStore, lineage: str) -> Optional[Any]:
    """Until when the current version is valid; None when there is none, or it cannot be read."""
    try:
        current = store.load(lineage)
        return leaf_of(current).not_after if current is not None else None
    except ClmError:
        return None
