# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The revoke flow: the current certificate of each lineage is revoked by its issuer, and the store remembers it.

The next issue run makes a new one, for the reason `revoked`. A retired lineage, or a superseded version, has flows of its own.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence

from ..contracts import Clock, Issuer, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, NotFoundError
from ..ledger import Recorder
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, Reason, failed
from ._ending import Revokers, event, public_facts
from ._issue_values import Wanted
from .leasing import Holding, Pause, lease_of

STEP = "revoke"


def revoke(
    wanted: Sequence[Wanted],
    reason: str,
    *,
    store: SecretStore,
    issuer: Issuer,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    check_mode: bool = False,
    pause: Optional[Pause] = None,
) -> Dict[str, Outcome]:
    """One outcome for each item, by its id; doing it again changes nothing."""
    flow = _Flow(reason, store, issuer, ledger, clock, run_id, pause)
    outcomes: Dict[str, Outcome] = {}
    for item in wanted:
        try:
            outcomes[item.id] = flow.run(item, check_mode)
        except ClmError as error:
            outcomes[item.id] = failed(STEP, error)
    return outcomes


class _Flow:
    """Revoking for one reason."""

    def __init__(
        self, reason: str, store: SecretStore, issuer: Issuer, ledger: Recorder, clock: Clock, run_id: str, pause: Optional[Pause]
    ) -> None:
        self._reason, self._store, self._issuer, self._ledger = reason, store, issuer, ledger
        self._clock, self._run_id, self._pause = clock, run_id, pause
        self._revokers = Revokers([issuer])
        self._revokers.keep_in(store, pause)

    def run(self, item: Wanted, check_mode: bool) -> Outcome:
        """The item's outcome."""
        version = self._store.load(item.lineage)
        if version is None:
            raise NotFoundError(f"the secret store has no certificate of {item.lineage}", hint="there is nothing to revoke")
        before = public_facts(version)
        known: Mapping[str, Any] = version.meta.get("revoked") or {}
        if known:
            message = f"{version.sha256} was revoked as {known.get('reason')} at {known.get('at')}"
            return Outcome(UNCHANGED, STEP, before=before, after=before, message=message)
        if version.meta.get("issuer") != self._issuer.identity():
            given = version.meta.get("issuer")
            raise ConfigError(f"the current certificate of {item.lineage} was issued by {given}", hint="ask that issuer to revoke it")
        why = Reason("revoked", f"it was asked to be revoked as {self._reason}")
        if check_mode:
            after = {**before, "revoked": {"reason": self._reason}}
            return Outcome(PLANNED, STEP, why, before, after, f"{version.sha256} would be revoked as {self._reason}")
        with Holding(self._store, self._clock) as held:
            lease = held.add(lease_of(self._store, item.lineage, version.version, self._pause))
            try:
                return self._revoke(item, version, why, lease)
            finally:
                held.end(lease)

    def _revoke(self, item: Wanted, version: StoredVersion, why: Reason, lease: Any) -> Outcome:
        about = f"revoke as {self._reason}"
        self._ledger.append([event("intent", STEP, version, item.labels, self._run_id, self._reason, about)])
        revocation = self._revokers.revoke(version, self._reason, self._clock())
        if not revocation.facts:
            facts = public_facts(version)
            return Outcome(UNCHANGED, STEP, why, facts, facts, revocation.why_not)
        self._store.save(lease, revocation.marked(version))
        self._store.flush()
        message = f"{version.sha256} is revoked as {self._reason}"
        self._ledger.append([event("outcome", STEP, version, item.labels, self._run_id, self._reason, message, state=DONE)])
        after = {**public_facts(version), "revoked": dict(revocation.facts)}
        return Outcome(DONE, STEP, why, public_facts(version), after, message, "run the issue task again for a new certificate")
