# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a lineage's standby into its versions, to be deployed like any other: offline, no CA is asked.

The standby is a lineage of its own (`NAME.standby`, another issuer, another key). Its certificate and key become one more
version of the lineage that it stands by for; the standby itself is then due for another key.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Collection, Dict, Optional

from ..contracts import RETIRED, Clock, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, NotFoundError
from ..ledger import Recorder
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, Reason, failed
from ._issue_values import leaf_of
from .leasing import Pause, lease_of
from .lineage_version import known_facts

STEP = "standby"
USABLE = ("issued", "proven")
FRESH = "run certops.clm.rotate while its issuer can be reached: it keeps standbys fresh"


@dataclass(frozen=True)
class _Pair:
    """A lineage and its standby as the store has them; `there` is the version that was made of the standby already."""

    lineage: str
    ready: StoredVersion
    current: Optional[StoredVersion] = None
    there: Optional[StoredVersion] = None
    before: Dict[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> Reason:
        """Why it is taken."""
        who = self.ready.meta.get("issuer", "another issuer")
        return Reason("forced", f"the standby of {self.lineage}, issued by {who}, was asked for")

    @property
    def meta(self) -> Dict[str, Any]:
        """The standby's facts for its copy. A `force` of the lineage is neither done by it nor undone: that stays as it was."""
        own = {name: value for name, value in self.ready.meta.items() if name not in ("forced", "left_for")}
        forced = self.current.meta.get("forced") if self.current else None
        return {**own, **({"forced": forced} if forced else {}), "standby": f"{self.ready.lineage}/{self.ready.version}"}


def take(
    lineage: str,
    standby: str,
    *,
    store: SecretStore,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    compromised: Collection[str] = (),
    check_mode: bool = False,
    pause: Optional[Pause] = None,
) -> Outcome:
    """The outcome; `after.version` is the version of `lineage` that holds the standby, and `next_action` deploys it.

    `compromised` has the SHA-256s of certificates whose key is in wrong hands.
    """
    before: Dict[str, Any] = {}
    try:
        current = store.load(lineage)
        before = known_facts(current)
        pair = _look(lineage, standby, store, clock, compromised)
        if pair.there is not None:
            return _there(pair, pair.there)
        if check_mode:
            after = {**known_facts(pair.ready), "version": ""}
            return Outcome(PLANNED, STEP, pair.reason, before, after, next_action=_deploy(lineage, "VERSION"))
        lease = lease_of(store, lineage, current.version if current else None, pause)
        try:
            pair = _look(lineage, standby, store, clock, compromised)  # whoever had the lineage may have taken it
            if pair.there is not None:
                return _there(pair, pair.there)
            taken = _copy(lease, pair, store, ledger, run_id)
        finally:
            with suppress(ClmError):
                store.end(lease)
        _record(ledger, taken, run_id, pair.reason)
        return Outcome(DONE, STEP, pair.reason, before, known_facts(taken), next_action=_deploy(lineage, taken.version))
    except ClmError as error:
        return failed(STEP, error, before=before)


def _there(pair: _Pair, version: StoredVersion) -> Outcome:
    return Outcome(UNCHANGED, STEP, pair.reason, pair.before, known_facts(version), next_action=_deploy(pair.lineage, version.version))


def _deploy(lineage: str, version: str) -> str:
    return f"ansible-playbook certops.clm.rollback -e clm_lineage={lineage} -e clm_version={version}"


def _look(lineage: str, standby: str, store: SecretStore, clock: Clock, compromised: Collection[str]) -> _Pair:
    """Both as they are now; ClmError when there is no standby, or when it must not be served."""
    ready, current = _ready(store, standby, clock), store.load(lineage)
    mine = store.versions(lineage)
    if mine and mine[-1].state == RETIRED:
        hint = "run certops.clm.retire with -e clm_retire=lifted to use the name again"
        raise ConfigError("the lineage was retired, so nothing is deployed for it", hint=hint, field=lineage)
    same = [one for one in mine if one.sha256 == ready.sha256]
    if ready.meta.get("revoked") or any(one.meta.get("revoked") for one in same):
        raise ConfigError("the standby was revoked", hint=FRESH, field=standby)
    keys = {one.spki_sha256 for one in (*mine, *store.versions(standby)) if one.sha256 in compromised}
    if ready.sha256 in compromised or ready.spki_sha256 in keys:
        raise ConfigError("the key of the standby is declared compromised", hint=FRESH, field=standby, runbook="compromised")
    there = next((one for one in same if one.state in USABLE), None)
    return _Pair(lineage, ready, current, there, known_facts(current))


def _ready(store: SecretStore, standby: str, clock: Clock) -> StoredVersion:
    """The standby's current version; NotFoundError when there is none, ConfigError when it is not valid now."""
    ready = store.load(standby)
    if ready is None or ready.state not in USABLE or not ready.chain_pem:
        raise NotFoundError("there is no standby certificate", hint=FRESH, field=standby)
    leaf, now = leaf_of(ready), clock()
    if leaf.not_after is None or leaf.not_after <= now or leaf.not_before is None or leaf.not_before > now:
        raise ConfigError(f"the standby is valid from {leaf.not_before} to {leaf.not_after}: not now", hint=FRESH, field=standby)
    return ready


def _copy(lease: Lease, pair: _Pair, store: SecretStore, ledger: Recorder, run_id: str) -> StoredVersion:
    """The standby as a version of the lineage, durable on return; the intent is in the ledger before."""
    ready = pair.ready
    key = store.key(KeyRef(store.identity(), ready.lineage, ready.version, ready.spki_sha256))
    number = store.new_version(pair.lineage)
    copy = replace(ready, lineage=pair.lineage, version=number, state="issued", key=key, meta=pair.meta)
    ledger.append([_event("intent", copy, run_id, pair.reason)])
    store.save(lease, copy)
    store.flush()
    return replace(copy, key=None)


def _record(ledger: Recorder, taken: StoredVersion, run_id: str, reason: Reason) -> None:
    """The outcome in the ledger; an error says what was done and not recorded."""
    try:
        ledger.append([{**_event("outcome", taken, run_id, reason), "state": DONE}])
    except ClmError as error:
        said = f"the standby is version {taken.version} of {taken.lineage}, not deployed yet, but this is not recorded: {error.message}"
        raise ClmError(said, hint=error.hint, field=error.field, runbook=error.runbook or "ledger") from error


def _event(action: str, version: StoredVersion, run_id: str, reason: Reason) -> Dict[str, Any]:
    return {
        "action": action,
        "step": STEP,
        "run_id": run_id,
        "request_id": str(version.meta.get("request_id", "")),
        "lineage": version.lineage,
        "version": version.version,
        "sha256": version.sha256,
        "spki_sha256": version.spki_sha256,
        "reason": reason.word,
        "message": reason.sentence,
    }
