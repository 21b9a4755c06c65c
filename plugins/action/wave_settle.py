# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what stays and what goes back."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction, utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.clouds import Clouds
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_store
from ansible_collections.certops.clm.plugins.plugin_utils.wave.issue import deployable
from ansible_collections.certops.clm.plugins.plugin_utils.wave.record import with_restored
from ansible_collections.certops.clm.plugins.plugin_utils.wave.settle import decide, with_answers


class ActionModule(WaveAction):
    """The decision is the controller's; servers carry it out through their leads."""

    STEP = "settle"
    AFTER = "judge"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        plan, versions = args["plan"], args["versions"]
        if check_mode:
            return {"outcomes": args["outcomes"], "commit": {}, "restore": {}}
        asked = with_answers(args["outcomes"], args["answers"]) if plan.get("gates") else args["outcomes"]
        outcomes, commit, restore = decide(asked, args["gates"], args["gated"])
        behind_api = [host for host in restore if not plan["items"][host]["server"]]
        if behind_api:
            store = open_store(plan["secret_store"], utc_now)
            clouds = Clouds(plan, utc_now, store=store, pace=args["proof"])
            outcomes = with_restored(outcomes, clouds.restore(behind_api, outcomes))
        return {
            "changed": bool(behind_api),
            "outcomes": outcomes,
            "commit": _by_lead(plan, versions, commit),
            "restore": _by_lead(plan, versions, restore),
        }


def _by_lead(plan: Mapping[str, Any], versions: Mapping[str, Any], hosts: Sequence[str]) -> Dict[str, List[Dict[str, Any]]]:
    work: Dict[str, List[Dict[str, Any]]] = {}
    for host in hosts:
        item = plan["items"][host]
        if item["server"]:
            work.setdefault(item["lead"], []).append(deployable(plan, host, versions[item["lineage"]]))
    return work
