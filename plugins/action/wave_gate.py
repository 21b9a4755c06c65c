# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the gates of a wave."""

from __future__ import annotations

import time
from typing import Any, Dict

from ansible_collections.certops.clm.plugins.module_utils.commands import pipe
from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction
from ansible_collections.certops.clm.plugins.plugin_utils.wave.fetch import fetch
from ansible_collections.certops.clm.plugins.plugin_utils.wave.gates import Means, ask, said


class ActionModule(WaveAction):
    """On the controller, once for the wave: what was changed and proven gets one answer, which settling reads."""

    STEP = "gate"
    AFTER = "judge"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        plan, outcomes = args["plan"], args["outcomes"]
        asked = [host for host, outcome in outcomes.items() if outcome["state"] == DONE and host in plan["items"]]
        gates = plan.get("gates") or []
        if check_mode or not gates or not asked:
            return {"outcomes": outcomes, "answers": {}}
        wave = {"run_id": plan["run_id"], "deployments": [_row(plan, host) for host in asked]}
        answer = said(ask(gates, wave, Means(pipe, fetch, time.monotonic, time.sleep)))
        return {"outcomes": outcomes, "answers": {host: dict(answer) for host in asked}}


def _row(plan: Dict[str, Any], host: str) -> Dict[str, Any]:
    """What a command reads of one deployment."""
    item = plan["items"][host]
    labels = plan["lineages"][item["lineage"]]["labels"]
    return {"deployment": host, "lineage": item["lineage"], "server": item["server"], **labels}
