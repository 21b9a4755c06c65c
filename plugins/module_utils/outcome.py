# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch step says of one item. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Mapping, Optional

from .errors import ClmError
from .runbooks import page_of, path_of

UNCHANGED = "unchanged"
PLANNED = "planned"
DONE = "done"
PENDING = "pending"
DEFERRED = "deferred"
UNPROVEN = "unproven"
ROLLED_BACK = "rolled_back"
FAILED = "failed"

STATES = (UNCHANGED, PLANNED, DONE, PENDING, DEFERRED, UNPROVEN, ROLLED_BACK, FAILED)
POSITIVE = frozenset({UNCHANGED, DONE})
CHANGED = frozenset({DONE, PENDING, ROLLED_BACK, UNPROVEN})


@dataclass(frozen=True)
class Reason:
    """Why something is to be issued or deployed: one word for machines, one sentence for people."""

    word: str
    sentence: str

    def as_dict(self) -> Dict[str, str]:
        """The reason as plain data."""
        return {"word": self.word, "sentence": self.sentence}


@dataclass(frozen=True)
class Outcome:
    """One item's outcome; `before` and `after` hold public facts only (SHA-256, names, dates), never key bytes."""

    state: str
    step: str
    reason: Optional[Reason] = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    next_action: str = ""
    runbook_page: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"unknown outcome state {self.state!r}")

    def as_dict(self) -> Dict[str, Any]:
        """The outcome as results carry it; `reason` is None or a dict of word and sentence, `runbook_page` empty when all is well."""
        return {
            "state": self.state,
            "step": self.step,
            "reason": self.reason.as_dict() if self.reason else None,
            "before": dict(self.before),
            "after": dict(self.after),
            "message": self.message,
            "next_action": self.next_action,
            "runbook_page": page_of(self.state, self.step, self.reason.word if self.reason else "", self.runbook_page),
        }

    @property
    def changed(self) -> bool:
        """True when the item was, or in check mode would be, changed."""
        return self.state in CHANGED or self.state == PLANNED


class Answer(Dict[str, Outcome]):
    """Outcomes by id, with what else the task has to say: `more` goes into the result, a `problem` fails it after the work."""

    more: Mapping[str, Any] = {}
    problem: str = ""


def failed(step: str, error: ClmError, **more: Any) -> Outcome:
    """The outcome of an item that ended in `error`; the error's hint is the next action."""
    message = f"{error.field}: {error.message}" if error.field else error.message
    page = path_of(error.runbook) if error.runbook else ""
    return Outcome(FAILED, step, message=message, next_action=error.hint, runbook_page=page, **more)


def as_dicts(outcomes: Mapping[str, Outcome]) -> Dict[str, Dict[str, Any]]:
    """The outcomes by id as plain data, in the order given."""
    return {item: outcome.as_dict() for item, outcome in outcomes.items()}


def any_changed(outcomes: Iterable[Outcome]) -> bool:
    """True when at least one item changed."""
    return any(outcome.changed for outcome in outcomes)
