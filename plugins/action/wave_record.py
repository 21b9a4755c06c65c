# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records one wave and writes the report."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from ansible import context

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.moments import moment_of
from ansible_collections.certops.clm.plugins.module_utils.probe import probe_many
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown
from ansible_collections.certops.clm.plugins.plugin_utils.report.gather import write_report
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction, utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.break_glass import spooled_midway
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger, open_store
from ansible_collections.certops.clm.plugins.plugin_utils.wave.keep import settle_versions, verdicts
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import endpoints_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.proofs import with_left
from ansible_collections.certops.clm.plugins.plugin_utils.wave.record import (
    ends_here,
    events,
    evidence,
    judge_waiting,
    not_kept,
    with_committed,
    with_request,
    with_restored,
)
from ansible_collections.certops.clm.plugins.plugin_utils.wave.remember import Rows, Seen, look_again, remember, still_there
from ansible_collections.certops.clm.plugins.plugin_utils.wave.settle import decide
from ansible_collections.certops.clm.plugins.plugin_utils.wave.telling import seen_at, told
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, complete, from_servers
from ansible_collections.certops.clm.plugins.plugin_utils.wave.waits import with_overrides


class ActionModule(WaveAction):
    """The last batch step: what it returns is what the verdict judges."""

    STEP = "record"
    AFTER = "settle"

    _seen: Seen = {}
    _plan: Mapping[str, Any] = {}

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The outcomes as somebody who is woken up reads them, also where this step itself broke."""
        result = super().run(tmp, task_vars)
        result["outcomes"] = self._tell(result["outcomes"])
        return result

    def _tell(self, outcomes: Mapping[str, OutcomeDict]) -> Dict[str, OutcomeDict]:
        plan, seen = self._plan, self._seen
        found = {host: seen_at(row for end in endpoints_of(plan, host) for row in seen.get(end.key, ())) for host in plan.get("items", ())}
        return told(outcomes, plan, found, utc_now(), context.CLIARGS.get("inventory") or ())

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        plan, versions = args["plan"], args["versions"]
        self._plan = plan
        outcomes = with_overrides(judge_waiting(_last_words(args), _lives(plan), utc_now()), plan)
        if check_mode:
            return {"outcomes": outcomes}
        manifest = load(plan["manifest"])
        store = open_store(plan["secret_store"], utc_now)
        planned = {host: outcome for host, outcome in outcomes.items() if host in plan["items"]}
        kept, errors = settle_versions(store, verdicts(planned, plan["items"], versions), versions, evidence(planned, plan), pause=shown())
        outcomes = with_request(not_kept(outcomes, plan, errors), plan, versions)
        self._seen, blind = look_again(plan, probe_many)
        outcomes = self._tell(outcomes)
        with open_ledger(manifest, utc_now, check_mode, checkpoint=ends_here(outcomes)) as ledger:
            ledger.append(events(plan, outcomes, versions, kept))
        outcomes = spooled_midway(plan, outcomes, ledger.shut)
        report, warnings = _report(manifest, store, plan, self._seen, still_there(args["seen"], plan, outcomes))
        warnings = [*ledger.facts.get("warnings", ()), *ledger.problems, *([blind] if blind else ()), *warnings]
        return {**ledger.facts, "outcomes": outcomes, "kept": kept, "report": report, "warnings": warnings, "changed": bool(kept)}


def _report(
    manifest: Manifest, store: SecretStore, plan: Mapping[str, Any], seen: Seen, by_servers: Rows
) -> Tuple[Dict[str, str], List[str]]:
    """The report's files, and what hindered it: the ledger has the outcomes already, so a full disk here makes no host red."""
    try:
        remember(manifest.observations, seen, by_servers)
        return write_report(manifest, store, plan["run_id"], utc_now())["files"], []
    except (ClmError, OSError) as error:
        return {}, [f"The outcomes are in the ledger, but the report of this wave was not written: {error}"]


def _last_words(args: Mapping[str, Any]) -> Dict[str, OutcomeDict]:
    """The outcomes after what the servers said of putting back and of committing."""
    plan = args["plan"]
    outcomes = complete(plan["hosts"], args["outcomes"], "settle")
    _same, commit, restore = decide(outcomes, {}, gated=False)
    outcomes = with_restored(outcomes, from_servers(args["restored"], _by_lead(plan, restore, args["restored"]), "restore"))
    outcomes = with_committed(outcomes, from_servers(args["committed"], _by_lead(plan, commit, args["committed"]), "commit_run"))
    return with_left(outcomes, args["asked"], args["withdrawn"])


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
    for host, item in {**plan["items"], **plan.get("waiting", {})}.items():
        before = item["before"]
        life = tuple(moment_of(before.get(name)) for name in ("not_before", "not_after"))
        if None not in life:
            lives[host] = life
    return lives
