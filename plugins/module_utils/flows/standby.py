# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a lineage's standby into its versions, to be deployed like any other: offline, no CA is asked.

The standby is a lineage of its own (`NAME.standby`, another issuer, another key). Its certificate and key become one more
version of the lineage that it stands by for; the standby itself is then due for another key.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Dict, Optional

from ..contracts import Clock, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, NotFoundError
from ..ledger import Recorder
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, Reason, failed
from ._issue_values import facts, leaf_of
from .leasing import Pause, lease_of

STEP = "standby"
USABLE = ("issued", "proven")


def take(
    lineage: str,
    standby: str,
    *,
    store: SecretStore,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    check_mode: bool = False,
    pause: Optional[Pause] = None,
) -> Outcome:
    """The outcome; `after.version` is the version of `lineage` that holds the standby, and `next_action` deploys it."""
    before: Dict[str, Any] = {}
    try:
        current = store.load(lineage)
        before = _facts(current)
        ready = _ready(store, standby, clock)
        there = next((one for one in store.versions(lineage) if one.sha256 == ready.sha256 and one.state in USABLE), None)
        reason = Reason("forced", f"the standby of {lineage}, issued by {ready.meta.get('issuer', 'another issuer')}, was asked for")
        if there is not None:
            return Outcome(UNCHANGED, STEP, reason, before, _facts(there), next_action=_deploy(lineage, there.version))
        if check_mode:
            return Outcome(PLANNED, STEP, reason, before, {**_facts(ready), "version": ""}, next_action=_deploy(lineage, "VERSION"))
        lease = lease_of(store, lineage, current.version if current else None, pause)
        taken = _copy(lease, ready, store, ledger, run_id, reason)
        return Outcome(DONE, STEP, reason, before, _facts(taken), next_action=_deploy(lineage, taken.version))
    except ClmError as error:
        return failed(STEP, error, before=before)


def _deploy(lineage: str, version: str) -> str:
    return f"ansible-playbook certops.clm.rollback -e clm_lineage={lineage} -e clm_version={version}"


def _facts(version: Optional[StoredVersion]) -> Dict[str, Any]:
    if version is None:
        return {}
    try:
        return facts(version, leaf_of(version))
    except ClmError:
        return {"version": version.version}


def _ready(store: SecretStore, standby: str, clock: Clock) -> StoredVersion:
    """The standby's current version; NotFoundError when there is none, ConfigError when it must not be served."""
    hint = "run certops.clm.rotate while its issuer can be reached: it keeps standbys fresh"
    ready = store.load(standby)
    if ready is None or ready.state not in USABLE or not ready.chain_pem:
        raise NotFoundError("there is no standby certificate", hint=hint, field=standby)
    if ready.meta.get("revoked"):
        raise ConfigError("the standby was revoked", hint=hint, field=standby)
    leaf, now = leaf_of(ready), clock()
    if leaf.not_after is None or leaf.not_after <= now or leaf.not_before is None or leaf.not_before > now:
        raise ConfigError(f"the standby is valid from {leaf.not_before} to {leaf.not_after}: not now", hint=hint, field=standby)
    return ready


def _copy(lease: Lease, ready: StoredVersion, store: SecretStore, ledger: Recorder, run_id: str, reason: Reason) -> StoredVersion:
    """The standby as a version of the lineage, durable on return; intent before and outcome after it in the ledger."""
    lineage = lease.lineage
    try:
        key = store.key(KeyRef(store.identity(), ready.lineage, ready.version, ready.spki_sha256))
        copy = replace(ready, lineage=lineage, version=store.new_version(lineage), state="issued", key=key, meta=_meta(ready))
        ledger.append([_event("intent", copy, run_id, reason)])
        _keep(store, lease, copy)
    finally:
        with suppress(ClmError):
            store.end(lease)
    ledger.append([{**_event("outcome", copy, run_id, reason), "state": DONE}])
    return replace(copy, key=None)


def _meta(ready: StoredVersion) -> Dict[str, Any]:
    return {**ready.meta, "standby": f"{ready.lineage}/{ready.version}"}


def _keep(store: SecretStore, lease: Lease, copy: StoredVersion) -> None:
    store.save(lease, copy)
    store.flush()


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
