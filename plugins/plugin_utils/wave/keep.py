# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wave does to the versions in the secret store: proven ones become current, the ones that failed are rejected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import Busy, Lease, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ClmError
from ansible_collections.certops.clm.plugins.module_utils.outcome import ROLLED_BACK
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, positive


def verdicts(
    outcomes: Mapping[str, OutcomeDict], items: Mapping[str, Mapping[str, Any]], versions: Mapping[str, Mapping[str, Any]]
) -> Dict[str, str]:
    """By lineage, what became of its version: proven by one good deployment, else rejected by one that was undone."""
    fate: Dict[str, str] = {}
    for item, outcome in outcomes.items():
        lineage = str(items[item]["lineage"])
        if lineage not in versions:
            continue
        if positive(outcome):
            fate[lineage] = "proven"
        elif outcome["state"] == ROLLED_BACK:
            fate.setdefault(lineage, "rejected")
    return fate


def settle_versions(
    store: SecretStore, fate: Mapping[str, str], versions: Mapping[str, Mapping[str, Any]], evidence: Mapping[str, List[str]]
) -> Tuple[Dict[str, str], Dict[str, ClmError]]:
    """Write each version's fate; by lineage what was done (promoted, rejected), and what could not be written."""
    done: Dict[str, str] = {}
    errors: Dict[str, ClmError] = {}
    for lineage, state in fate.items():
        try:
            act = _settle_one(store, lineage, str(versions[lineage]["version"]), state, evidence.get(lineage, []))
        except ClmError as error:
            errors[lineage] = error
            continue
        if act:
            done[lineage] = act
    try:
        store.flush()
    except ClmError as error:
        errors.update(dict.fromkeys(done, error))
        done = {}
    return done, errors


def _settle_one(store: SecretStore, lineage: str, version: str, state: str, evidence: List[str]) -> str:
    stored = store.load(lineage, version)
    current = store.current(lineage)
    if stored is None or (state == "proven" and stored.state == "proven" and current == version):
        return ""
    if state == "rejected" and stored.state != "issued":
        return ""  # proven elsewhere: that one server failed says nothing against the version
    lease = _lease(store, lineage, current)
    try:
        meta = {**stored.meta, "evidence": evidence} if state == "rejected" else stored.meta
        store.save(lease, replace(stored, state=state, meta=meta))
        if state == "proven" and current != version:
            store.promote(lease, version)
    finally:
        store.end(lease)
    return "promoted" if state == "proven" else "rejected"


def _lease(store: SecretStore, lineage: str, current: Any) -> Lease:
    lease = store.begin(lineage, current)
    if isinstance(lease, Busy):
        raise BusyError(f"{lineage}: {lease.message}", hint="Wait until the other run has ended, then run the rotation again.")
    return lease
