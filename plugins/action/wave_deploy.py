# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys one wave to targets behind an API."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.certops.clm.plugins.module_utils.outcome import CHANGED
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction, utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.clouds import Clouds
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_store


class ActionModule(WaveAction):
    """Items on managed servers pass through: their leads deploy them."""

    STEP = "deploy"
    AFTER = "issue"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        plan = args["plan"]
        clouds = Clouds(plan, utc_now, check_mode, store=open_store(plan["secret_store"], utc_now), pace=args["proof"])
        outcomes = clouds.deploy(args["outcomes"], args["versions"])
        moved = [host for host, outcome in outcomes.items() if outcome != args["outcomes"].get(host) and outcome["state"] in CHANGED]
        return {"changed": bool(moved), "outcomes": outcomes}
