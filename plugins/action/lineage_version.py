# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the current version of lineages, in the controller's own process."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils._ledger_session import opened
from ansible_collections.certops.clm.plugins.module_utils.edge import new_run_id, provider_options, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.guarded import choose
from ansible_collections.certops.clm.plugins.module_utils.flows.lineage_version import Wish
from ansible_collections.certops.clm.plugins.module_utils.ledger import NullLedger
from ansible_collections.certops.clm.plugins.module_utils.outcome import Answer, Outcome
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores
from ansible_collections.certops.clm.plugins.plugin_utils.edge import run_action
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown


class ActionModule(ActionBase):
    """Batch: one outcome for each lineage, failing at the end when one failed."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        """The result of the task."""
        super().run(tmp, task_vars)
        return run_action(self, _work, runbook="refused")


def _work(params: Mapping[str, Any], check_mode: bool) -> Mapping[str, Outcome]:
    given = params["secret_store"]
    store = secret_stores.create(given["type"], provider_options(secret_stores, given, "secret_store"), utc_now)
    wishes = [_wish(item) for item in params["lineages"]]
    run_id = str(params.get("run_id") or new_run_id())
    if check_mode:
        return choose(wishes, store=store, ledger=NullLedger(), clock=utc_now, run_id=run_id, check_mode=True)
    with opened(params["ledger"], given, utc_now) as ledger:
        answer = Answer(choose(wishes, store=store, ledger=ledger, clock=utc_now, run_id=run_id, pause=shown()))
    answer.more, answer.problem = ledger.facts, "; ".join(ledger.problems)
    return answer


def _wish(item: Mapping[str, Any]) -> Wish:
    return Wish(
        id=str(item.get("id") or item["lineage"]),
        lineage=str(item["lineage"]),
        version=str(item["version"]),
        forced=str(item["forced"]),
        reject=bool(item["reject"]),
        dead=tuple(str(one) for one in (*item["revoked"], *item["compromised"])),
    )
