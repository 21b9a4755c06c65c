# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wave does to the versions in the secret store: proven ones become current, the ones that failed are rejected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.leasing import Pause, lease_of_any
from ansible_collections.certops.clm.plugins.module_utils.outcome import ROLLED_BACK
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._not_durable import only_of
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
    store: SecretStore,
    fate: Mapping[str, str],
    versions: Mapping[str, Mapping[str, Any]],
    evidence: Mapping[str, List[str]],
    pause: Optional[Pause] = None,
) -> Tuple[Dict[str, str], Dict[str, ClmError]]:
    """Write each version's fate; by lineage what was done (promoted, rejected), and what could not be written.

    What another run holds is waited for, with `pause`, once everything else is durable and given back.
    """
    done: Dict[str, str] = {}
    errors: Dict[str, ClmError] = {}
    busy: List[str] = []

    def settle(lineages: Sequence[str], wait: Optional[Pause]) -> None:
        acts: Dict[str, str] = {}
        try:
            for lineage in lineages:
                try:
                    acts[lineage] = _settle_one(
                        store, lineage, str(versions[lineage]["version"]), fate[lineage], evidence.get(lineage, []), wait
                    )
                except BusyError as error:
                    busy.append(lineage)
                    errors[lineage] = error
                except ClmError as error:
                    errors[lineage] = error
            store.flush()
        except ClmError as error:
            lost = only_of(error)
            errors.update(dict.fromkeys([lineage for lineage, act in acts.items() if act and (lost is None or lineage in lost)], error))
        done.update({lineage: act for lineage, act in acts.items() if act and lineage not in errors})

    settle(list(fate), None)
    for lineage in list(busy) if pause is not None else ():
        del errors[lineage]
        settle([lineage], pause)
    return done, errors


def _settle_one(store: SecretStore, lineage: str, version: str, state: str, evidence: List[str], pause: Optional[Pause]) -> str:
    """What was done. It is decided again under the lease, for another run may have gone on meanwhile."""
    before = store.current(lineage)
    if not _is_open(store, lineage, version, state, before):
        return ""
    lease = lease_of_any(store, lineage, pause)
    try:
        current = store.current(lineage)
        stored = store.load(lineage, version)
        if stored is None or not _is_open(store, lineage, version, state, current):
            return ""
        store.save(lease, replace(stored, state=state, meta={**stored.meta, "evidence": evidence} if state == "rejected" else stored.meta))
        if state == "rejected":
            return "rejected"
        overtaken = current != before and current is not None and current > version  # another run has proven a newer one
        if current != version and not overtaken:
            store.promote(lease, version)
        return "promoted"
    finally:
        store.end(lease)


def _is_open(store: SecretStore, lineage: str, version: str, state: str, current: Optional[str]) -> bool:
    """False when the version's fate is written already, or is not ours to write."""
    stored = store.load(lineage, version)
    if stored is None or (state == "proven" and stored.state == "proven" and current == version):
        return False
    return state != "rejected" or stored.state == "issued"  # proven elsewhere: that one server failed says nothing against it
