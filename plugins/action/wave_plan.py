# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans one wave."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import judge_hosts
from ansible_collections.certops.clm.plugins.plugin_utils.going_back import GoneBack
from ansible_collections.certops.clm.plugins.plugin_utils.part import part_of_run
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import GOING_BACK, reason_to_ignore
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction, utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import issuer_anchors, open_issuer, open_store
from ansible_collections.certops.clm.plugins.plugin_utils.wave.gate import checked_gate
from ansible_collections.certops.clm.plugins.plugin_utils.wave.gates import parse_gates
from ansible_collections.certops.clm.plugins.plugin_utils.wave.held import unfit
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import anchors_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.plan import make_plan
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scope import untried

NOT_BEGUN = "the plays on localhost did not run, so nobody looked and nothing was begun"
LIMIT = (
    "Run without --limit: only what is due is worked on anyway. To run on a part, name localhost and the servers too, "
    "as in --limit 'localhost,web1,shop-web1-*'"
)


class ActionModule(WaveAction):
    """The first step: it reads, and writes nothing."""

    STEP = "plan"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        if not args["run_id"]:
            raise ConfigError(NOT_BEGUN, field="rotate_run_id", hint=LIMIT)
        back = args["going_back"]
        # Gates judge what is new: one that the incident closed would put the bad certificate back, also when it is given with -e.
        gate = "" if back else checked_gate(args["gate"] or "", self._loader, self._task._role)
        gates = [] if back else parse_gates(args["gates"])
        manifest = load(args["manifest"])
        store = open_store(manifest.secret_store, utc_now)
        planned = GoneBack(store, back) if check_mode else store  # else it was done before the first wave
        ignored = GOING_BACK if back else reason_to_ignore(args["ignore_windows"])
        judged = judge_hosts(manifest, args["hosts"], planned, utc_now(), ignore_windows=ignored)
        known = {host for hosts in self.task_vars.get("groups", {}).values() for host in hosts}
        sliced = part_of_run(self._loader, self.task_vars).sliced and not back  # what fell due while the slice ran
        refused = untried(judged.values()) if sliced else ()
        issue = args["issue"] and not back
        cannot = unfit(manifest, judged, partial(open_issuer, clock=utc_now), utc_now)
        made = make_plan(manifest, args["hosts"], judged, known, run_id=args["run_id"], issue=issue, untried=refused, unfit=cannot)
        anchors_of(made["plan"], lambda name: issuer_anchors(manifest, name, utc_now))  # what cannot be proven is not begun
        made["plan"].update(gates=gates, shut=args["shut"])
        if gate:
            made["leads"] = list(args["hosts"])  # the gate's own tasks are for every host of the wave
        return {"gate": gate, **made}
