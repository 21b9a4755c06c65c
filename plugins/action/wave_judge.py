# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what servers saw of the endpoints that the controller cannot reach."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.probe import probe_many
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction, utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import issuer_anchors
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import Looker, anchors_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.server_looks import seen_by_servers, with_server_looks


class ActionModule(WaveAction):
    """The judge is the one of the controller's own looks; only the eyes are the servers'."""

    STEP = "judge"
    AFTER = "prove"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        plan = args["plan"]
        if not args["asked"]:
            return {"outcomes": args["outcomes"]}
        manifest = load(plan["manifest"])
        anchors = anchors_of(plan, lambda name: issuer_anchors(manifest, name, utc_now))
        looker = Looker(plan, args["versions"], anchors, probe_many, utc_now)
        outcomes = with_server_looks(plan, args["outcomes"], args["asked"], args["looked"], looker.judge)
        return {"outcomes": outcomes, "seen": seen_by_servers(plan, args["asked"], args["looked"])}
