# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records one wave and writes the report."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.probe import probe_many
from ansible_collections.certops.clm.plugins.plugin_utils.report.gather import write_report
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction, utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger, open_store
from ansible_collections.certops.clm.plugins.plugin_utils.wave.keep import settle_versions, verdicts
from ansible_collections.certops.clm.plugins.plugin_utils.wave.record import (
    events,
    evidence,
    judge_waiting,
    not_kept,
    with_committed,
    with_restored,
)
from ansible_collections.certops.clm.plugins.plugin_utils.wave.remember import remember
from ansible_collections.certops.clm.plugins.plugin_utils.wave.settle import decide
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, complete, from_servers


class ActionModule(WaveAction):
    """The last batch step: what it returns is what the verdict judges."""

    STEP = "record"
    AFTER = "settle"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        plan, versions = args["plan"], args["versions"]
        outcomes = judge_waiting(_last_words(args), _lives(plan), utc_now())
        if check_mode:
            return {"outcomes": outcomes}
        manifest = load(plan["manifest"])
        store = open_store(plan["secret_store"], utc_now)
        planned = {host: outcome for host, outcome in outcomes.items() if host in plan["items"]}
        kept, errors = settle_versions(store, verdicts(planned, plan["items"], versions), versions, evidence(planned, plan))
        outcomes = not_kept(outcomes, plan, errors)
        with open_ledger(manifest, utc_now, check_mode) as ledger:
            ledger.append(events(plan, outcomes, versions, kept))
        report, warnings = _report(manifest, store, plan)
        return {"outcomes": outcomes, "kept": kept, "report": report, "warnings": warnings, "changed": bool(kept)}


def _report(manifest: Manifest, store: SecretStore, plan: Mapping[str, Any]) -> Tuple[Dict[str, str], List[str]]:
    """The report's files, and what hindered it: the ledger has the outcomes already, so a full disk here makes no host red."""
    try:
        remember(manifest.observations, plan, probe_many)
        return write_report(manifest, store, plan["run_id"], utc_now())["files"], []
    except (ClmError, OSError) as error:
        return {}, [f"The outcomes are in the ledger, but the report of this wave was not written: {error}"]


def _last_words(args: Mapping[str, Any]) -> Dict[str, OutcomeDict]:
    """The outcomes after what the servers said of putting back and of committing."""
    plan = args["plan"]
    outcomes = complete(plan["hosts"], args["outcomes"], "settle")
    _same, commit, restore = decide(outcomes, {}, gated=False)
    outcomes = with_restored(outcomes, from_servers(args["restored"], _by_lead(plan, restore, args["restored"]), "restore"))
    return with_committed(outcomes, from_servers(args["committed"], _by_lead(plan, commit, args["committed"]), "commit_run"))


def _by_lead(plan: Mapping[str, Any], hosts: Any, results: Mapping[str, Any]) -> Dict[str, Any]:
    leads: Dict[str, Any] = {}
    for host in hosts:
        lead = plan["items"].get(host, {}).get("lead", "")
        if lead in results:
            leads.setdefault(lead, []).append(host)
    return leads


def _lives(plan: Mapping[str, Any]) -> Dict[str, Any]:
    """By host, notBefore and notAfter of what it served when the wave was planned."""
    lives = {}
    for host, item in plan["items"].items():
        before = item["before"]
        if before.get("not_before") and before.get("not_after"):
            lives[host] = tuple(datetime.fromisoformat(str(before[name]).replace("Z", "+00:00")) for name in ("not_before", "not_after"))
    return lives
