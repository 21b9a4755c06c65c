# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revocation and nothing else: what may still be done while the ledger cannot be written, under break glass.

Certificates are revoked at their issuers and marked so in the secret store. No version changes its state, and no key goes:
cleanup and retire do the rest once the ledger can be written, and revoke nothing twice.
"""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from ..contracts import Clock, Lease, SecretStore, StoredVersion
from ..errors import ClmError
from ..ledger import Recorder
from ..outcome import DONE, FAILED, PLANNED, UNCHANGED, Outcome, Reason, failed
from ._cleanup_judge import IN_USE
from ._ending import KEY_COMPROMISE, Revokers, event, is_over, public_facts
from .leasing import Holding, Pause, lease_of_any

STEP = "revoke"
AGAIN = "mend that, then run this again: nothing is revoked twice"
Doomed = Sequence[Tuple[StoredVersion, str]]


def compromised_of(versions: Sequence[StoredVersion], compromised: Collection[str]) -> Doomed:
    """What is to be revoked because its key is in wrong hands: the certificates that were named, and all with the same key."""
    keys = {one.spki_sha256 for one in versions if one.sha256 in compromised}
    return [(one, KEY_COMPROMISE) for one in versions if one.sha256 in compromised or one.spki_sha256 in keys]


def revoke(
    lineage: str,
    doomed: Doomed,
    *,
    store: SecretStore,
    revokers: Revokers,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    labels: Optional[Mapping[str, Any]] = None,
    in_use: Optional[Mapping[str, str]] = None,
    pause: Optional[Pause] = None,
    check_mode: bool = False,
) -> Dict[str, Outcome]:
    """One outcome by `lineage/version` for each that can still be revoked; what is `in_use` (SHA-256 to place) is not, and has failed."""
    flow = _Flow(store, revokers, ledger, clock, run_id, labels or {})
    valid = [(one, reason) for one, reason in doomed if one.chain_pem and not one.meta.get("revoked") and not is_over(one, clock())]
    for version, _reason in valid:
        place = (in_use or {}).get(version.sha256)
        if place:
            flow.outcomes[_id(version)] = _used(version, place)
    todo = [(one, reason) for one, reason in valid if _id(one) not in flow.outcomes]
    if check_mode:
        flow.outcomes.update({_id(one): _planned(one, reason) for one, reason in todo})
    elif todo:
        flow.run(lineage, todo, pause)
    return flow.outcomes


class _Flow:
    """One lineage under its lease."""

    def __init__(
        self, store: SecretStore, revokers: Revokers, ledger: Recorder, clock: Clock, run_id: str, labels: Mapping[str, Any]
    ) -> None:
        self._store, self._revokers, self._ledger, self._clock = store, revokers, ledger, clock
        self._run_id, self._labels = run_id, labels
        self.outcomes: Dict[str, Outcome] = {}

    def run(self, lineage: str, todo: Doomed, pause: Optional[Pause]) -> None:
        """Intents, revocations, outcomes; an error ends the way of what is not revoked yet, and says of the rest that it is."""
        try:
            with Holding(self._store, self._clock) as held:
                lease = held.add(lease_of_any(self._store, lineage, pause))
                try:
                    self._ledger.append([self._event("intent", one, reason, f"revoke as {reason}") for one, reason in todo])
                    for version, reason in todo:
                        self.outcomes[_id(version)] = self._one(lease, version, reason)
                    self._store.flush()
                    self._ledger.append([self._told(one, reason) for one, reason in todo])
                finally:
                    held.end(lease)
        except ClmError as error:
            for version, _reason in todo:
                self.outcomes[_id(version)] = _failure(version, error, self.outcomes.get(_id(version)))

    def _one(self, lease: Lease, version: StoredVersion, reason: str) -> Outcome:
        try:
            revocation = self._revokers.revoke(version, reason, self._clock())
            if not revocation.facts:
                return _failure(version, ClmError(revocation.why_not, hint=AGAIN))
            self._store.save(lease, revocation.marked(version))
        except ClmError as error:
            return _failure(version, error)
        facts = {**public_facts(version), "revoked": reason}
        message = f"{_id(version)} is revoked as {reason} at {revocation.facts['at']}; its key and its record stay"
        return Outcome(DONE, STEP, Reason("revoked", f"to be revoked as {reason}"), public_facts(version), facts, message)

    def _told(self, version: StoredVersion, reason: str) -> Dict[str, Any]:
        outcome = self.outcomes[_id(version)]
        return self._event("outcome", version, reason, outcome.message, state=outcome.state)

    def _event(self, action: str, version: StoredVersion, reason: str, message: str, **more: Any) -> Dict[str, Any]:
        return event(action, STEP, version, self._labels, self._run_id, reason, message, **more)


def counted(outcomes: Mapping[str, Outcome]) -> str:
    """What was revoked and what was not, for a person."""
    done = [item for item, one in outcomes.items() if one.state == DONE]
    left = [one.message for one in outcomes.values() if one.state not in (DONE, UNCHANGED)]
    parts: List[str] = [f"revoked: {', '.join(done)}" if done else "nothing was revoked"]
    return "; ".join([*parts, *left])


def _id(version: StoredVersion) -> str:
    return f"{version.lineage}/{version.version}"


def _planned(version: StoredVersion, reason: str) -> Outcome:
    facts = {**public_facts(version), "revoked": reason}
    message = f"{_id(version)} would be revoked as {reason}"
    return Outcome(PLANNED, STEP, Reason("revoked", f"to be revoked as {reason}"), public_facts(version), facts, message)


def _used(version: StoredVersion, place: str) -> Outcome:
    message = f"{_id(version)} is not revoked, because it is still in use: {place}"
    then = "take it out of use there, then run this again"
    return Outcome(FAILED, STEP, Reason(IN_USE, f"it is still in use: {place}"), public_facts(version), {}, message, then)


def _failure(version: StoredVersion, error: ClmError, before: Optional[Outcome] = None) -> Outcome:
    said = "it is revoked, but not recorded: " if before is not None and before.state == DONE else ""
    problem = ClmError(f"{_id(version)}: {said}{error.message}", hint=error.hint or AGAIN, field=error.field, runbook=error.runbook)
    return failed(STEP, problem, before=public_facts(version))
