# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves what one wave deployed, and keeps looking while it soaks."""

from __future__ import annotations

import time
from typing import Any, Dict

from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.probe import probe_many
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction, utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import issuer_anchors
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import Looker, anchors_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.prove import Eyes, mark_swapped, prove, soak
from ansible_collections.certops.clm.plugins.plugin_utils.wave.server_looks import asks
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import from_servers


class ActionModule(WaveAction):
    """The controller's own eyes: new TLS connections, and nothing that a server says of itself."""

    STEP = "prove"
    AFTER = "deploy"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        plan, outcomes = args["plan"], dict(args["outcomes"])
        ids_of_lead: Dict[str, Any] = {}
        for host, item in plan["items"].items():
            if item["lead"] in args["servers"] and item["lineage"] in args["versions"] and outcomes[host]["state"] in ("done", "unchanged"):
                ids_of_lead.setdefault(item["lead"], []).append(host)
        outcomes.update(from_servers(args["servers"], ids_of_lead, "deploy"))
        if check_mode:
            return {"outcomes": outcomes}
        manifest = load(plan["manifest"])
        anchors = anchors_of(plan, lambda name: issuer_anchors(manifest, name, utc_now))
        looker = Looker(plan, args["versions"], anchors, probe_many, utc_now)
        eyes = Eyes(looker.look, time.monotonic, time.sleep)
        proven = prove(mark_swapped(outcomes), eyes, args["timeout"])
        soaked, looks = soak(proven, eyes, args["soak"], interval=1.0)
        return {"outcomes": soaked, "looks": looks, "ask": asks(plan, args["versions"], soaked, looker.seen)}
