# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger as one run has it: what was spooled is merged first, its end is a signed checkpoint, and under break glass it is the spool.

Problems of the ledger that must not stop work that is done already are told at the end, in `problems`: the run then fails, after it.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ._ledger_anchor import anchor
from ._ledger_options import Settings, settle
from ._ledger_spool import merge, open_spool
from ._ledger_writers import base_of, open_chain, others
from .contracts import Clock
from .errors import BusyError, ClmError, about
from .lasting import refuse_ephemeral
from .ledger import Ledger, UnwritableError
from .runbooks import path_of

OUTCOMES = frozenset({"outcome", "promoted", "rejected"})
PAGE = f"Runbook: {path_of('ledger')}"
UNBROKEN = (
    "To let through revocations and what has expired or is compromised, and nothing else, set ledger.break_glass to the reason: it is "
    "recorded elsewhere then"
)


class Session:
    """A Recorder. `shut` says why the ledger cannot be written: then only what `allowed` says may be done, and it is spooled."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.shut: Optional[UnwritableError] = None
        self.checkpoint: Dict[str, Any] = {}
        self.problems: List[str] = []
        self._told: List[str] = []
        self.merged = 0
        self._clock = clock
        if not settings.allow_ephemeral:
            refuse_ephemeral(settings.path, "ledger")
            if settings.spool and (settings.break_glass or settings.spool_chosen):
                refuse_ephemeral(settings.spool, "ledger")
        try:
            with about("ledger"):
                self._ledger = self._open()
        except UnwritableError as error:
            if not settings.break_glass:
                raise UnwritableError(f"{error.message}. Nothing was done", hint=_joined(error.hint, UNBROKEN)) from error
            self._ledger = self._go_on_elsewhere(error)

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Record the events; durable on return. Under break glass what became of an act is spooled, if need be."""
        with about("ledger"):
            self._append(events)

    def _append(self, events: Sequence[Mapping[str, Any]]) -> None:
        try:
            try:
                self._ledger.append(self._marked(events))
            except BusyError:  # no locks there: another process wrote to this chain, behind whose lines we go on
                self._close()
                self._ledger = open_chain(self.settings.path, self.settings.writer_id, self._clock)
                self._ledger.append(self._marked(events))
        except UnwritableError as error:
            done = all(event.get("action") in OUTCOMES for event in events)
            if self.shut or not self.settings.break_glass or not done:
                raise
            self._close()
            self._ledger = self._go_on_elsewhere(error)
            self._ledger.append(self._marked(events))

    @property
    def facts(self) -> Dict[str, Any]:
        """What a result says of the ledger."""
        warnings = [f"the ledger cannot be written, break glass ({self.settings.break_glass}): {self.shut.message}"] if self.shut else []
        if self.settings.break_glass and not self.shut:
            warnings = ["the ledger can be written: take break_glass out of its options again"]
        merged = [f"{self.merged} events that were recorded under break glass are in the ledger now"] if self.merged else []
        warnings += [*merged, *self._told]
        only = "so only what had expired or is compromised was worked on"
        shut = f"the ledger could not be written, {only}: {self.shut}. {PAGE}" if self.shut else ""
        found = {"shut": shut, "checkpoint": self.checkpoint, "merged": self.merged, "warnings": warnings}
        return {name: value for name, value in found.items() if value}

    def close(self, checkpoint: bool = True) -> None:
        """Send a checkpoint where they are wanted, and end."""
        wanted = self.settings.checkpoints
        try:
            if checkpoint and wanted is not None:
                if self.shut:
                    raise ClmError(f"{self.shut.message}. What was done is recorded in {self.settings.spool}", hint=self.shut.hint)
                self.checkpoint = anchor(self._ledger, wanted, self._told.append)
                for other in others(self._ledger, base_of(self._ledger, self.settings.writer_id), self._clock):
                    anchor(other, wanted, self._told.append, again=False)
        except ClmError as error:
            text = "the work is done and recorded, but the run ends without a checkpoint (the next one covers it)"
            self.problems.append(f"{text}: {error}. {PAGE}")
        self._close()

    def _open(self) -> Ledger:
        settings = self.settings
        ledger = open_chain(settings.path, settings.writer_id, self._clock)
        try:
            ledger.check_room()
            self._merge(ledger)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def _merge(self, ledger: Ledger) -> None:
        """A spool that cannot be merged is told and kept: the ledger itself is well, so work goes on."""
        try:
            self.merged, kept = merge(ledger, self.settings.spool, self._clock)
        except UnwritableError:
            raise
        except ClmError as error:
            kept = [f"{self.settings.spool}: {error}"]
        self.problems += [f"what was recorded under break glass was not merged, and is still where it was: {one}" for one in kept]

    def _go_on_elsewhere(self, error: UnwritableError) -> Ledger:
        self.shut = error
        try:
            return open_spool(self.settings.spool, self.settings.writer_id, self._clock)
        except ClmError as second:
            message = f"{error.message}, and neither can the spool: {second.message}. Nothing was done"
            raise UnwritableError(message, hint=second.hint) from second

    def _marked(self, events: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        reason = {"break_glass": self.settings.break_glass}
        return [{**event, **reason} for event in events] if self.shut else events

    def _close(self) -> None:
        try:
            self._ledger.close()
        except ClmError as error:
            self.problems.append(f"where the ledger ends could not be kept: {error}")


def allowed(act: str, not_after: Optional[datetime], now: datetime, dead: bool = False) -> bool:
    """Whether break glass lets an act through: a revocation always, anything else for what has expired already, or is `dead`.

    What is compromised or revoked is dead: nothing of it can be revoked, or stays so, before something else is served in its place.
    """
    return act == "revoke" or dead or (not_after is not None and not_after <= now)


def refusal(shut: ClmError, not_after: Optional[datetime]) -> UnwritableError:
    """Why an item is refused while the glass is broken."""
    until = f"this one is valid until {not_after:%Y-%m-%d %H:%M} UTC" if not_after else "of this one nothing has expired"
    return UnwritableError(f"{shut.message}. break_glass lets through what has expired or is compromised only, and {until}", hint=shut.hint)


@contextmanager
def opened(given: Mapping[str, Any], secret_store: Mapping[str, Any], clock: Clock, *, checkpoint: bool = True) -> Iterator[Session]:
    """The ledger that options name, closed at the end; `checkpoint` False leaves that to whoever ends the run."""
    session = Session(settle(given, secret_store), clock)
    try:
        yield session
    finally:
        session.close(checkpoint)


def _joined(*parts: str) -> str:
    return ". ".join(part for part in parts if part)
