# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues the lineages that have no deployment."""

from __future__ import annotations

from functools import partial
from typing import Any, Collection, Dict, List, Mapping, Tuple

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.outcome import Answer, Outcome
from ansible_collections.certops.clm.plugins.module_utils.published import told
from ansible_collections.certops.clm.plugins.plugin_utils.edge import run_action
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown
from ansible_collections.certops.clm.plugins.plugin_utils.report.gather import write_report
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_issuer, open_ledger, open_store
from ansible_collections.certops.clm.plugins.plugin_utils.wave.proofs import placed, servers_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.undeployed import events, issue_undeployed, lineages_of, lines


class ActionModule(ActionBase):
    """Batch: one outcome for each lineage, failing at the end when one failed."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        super().run(tmp, task_vars)
        hosts = {host for group in (task_vars or {}).get("groups", {}).values() for host in group}
        return run_action(self, partial(_work, hosts=hosts), runbook="refused")


def _work(args: Mapping[str, Any], check_mode: bool, hosts: Collection[str]) -> Mapping[str, Outcome]:
    manifest = load(args["manifest"])
    lineages = lineages_of(manifest, args["lineages"])
    store = open_store(manifest.secret_store, utc_now)
    with open_ledger(manifest, utc_now, check_mode) as ledger:
        outcomes = issue_undeployed(
            lineages,
            manifest,
            store=store,
            open_issuer=partial(open_issuer, clock=utc_now),
            ledger=ledger,
            clock=utc_now,
            run_id=args["run_id"],
            check_mode=check_mode,
            pause=shown(),
            published=told(args["published"]),
        )
        outcomes, publish, withdraw = placed(outcomes, {name: servers_of(manifest, name) for name in outcomes}, hosts)
        ledger.append(events(manifest, outcomes, args["run_id"]))
    answer = Answer(outcomes)
    report, hindered = ({}, []) if check_mode or not lineages else _report(manifest, store, args["run_id"])
    warnings = [*ledger.facts.get("warnings", ()), *hindered]
    unproven = [name for name, outcome in outcomes.items() if outcome.after.get("challenges")]
    proofs = {"publish": publish, "withdraw": withdraw, "unproven": unproven} if withdraw else {}
    answer.more = {**ledger.facts, **proofs, "lines": lines(outcomes), "report": report, **({"warnings": warnings} if warnings else {})}
    shut = ledger.facts.get("shut", "")  # where it shut only now, no other play would say so
    answer.problem = "; ".join([*([shut] if shut else []), *ledger.problems])
    return answer


def _report(manifest: Manifest, store: SecretStore, run_id: str) -> Tuple[Dict[str, str], List[str]]:
    """The report's files, and what hindered it: the ledger has the outcomes already."""
    try:
        return write_report(manifest, store, run_id, utc_now())["files"], []
    except (ClmError, OSError) as error:
        return {}, [f"The outcomes are in the ledger, but the report was not written: {error}"]
