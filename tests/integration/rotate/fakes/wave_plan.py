# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as the shipped one makes it, without a manifest: a lineage for each host, all due, keys made on their servers."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.certops.clm.plugins.module_utils.outcome import FAILED, UNCHANGED, Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction
from ansible_collections.certops.clm.plugins.plugin_utils.wave.gate import checked_gate
from ansible_collections.certops.clm.plugins.plugin_utils.wave.gates import parse_gates
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import Scripted, script

LABELS = {"owner": "", "service": "", "environment": "", "criticality": "low", "runbook": "", "consumers": []}


class _Plan(WaveAction):
    STEP = "plan"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        items: Dict[str, Any] = {}
        leads: Dict[str, str] = {}
        no = Outcome(FAILED, "plan", message="refused by the plan").as_dict()
        refused = {host: no for host in args["hosts"] if script("plan").get(host) == "refused"}
        for host in [one for one in args["hosts"] if one not in refused]:
            server = self.task_vars["hostvars"][host]["test_server"]
            items[host] = self._item(host, server, leads.setdefault(server, host))
        requests: Dict[str, Any] = {}
        for item in items.values():
            requests.setdefault(item["lead"], []).append(item["deployment"])
        plan = {
            "run_id": args["run_id"],
            "manifest": args["manifest"],
            "hosts": args["hosts"],
            "items": items,
            "lineages": {item["lineage"]: {"key_origin": "host", "dead": [], "labels": LABELS, "issuer": "ca"} for item in items.values()},
            "secret_store": {"type": "directory", "path": "/nonexistent"},
            "refused": refused,
            "gates": parse_gates(args["gates"]),
        }
        gate = checked_gate(args["gate"], self._loader, self._task._role)
        good = {host: Outcome(UNCHANGED, "plan").as_dict() for host in items}
        able = list(args["hosts"]) if gate else list(leads.values()) or args["hosts"][:1]
        return {"gate": gate, "plan": plan, "outcomes": {**good, **refused}, "requests": requests, "leads": able}

    @staticmethod
    def _item(host: str, server: str, lead: str) -> Dict[str, Any]:
        deployment = {"id": host, "lineage": f"of-{host}", "server": server, "endpoints": [{"host": host, "port": 443}]}
        return {
            "deployment": deployment,
            "lineage": f"of-{host}",
            "server": server,
            "lead": lead,
            "issue": {"word": "expiring", "sentence": "soon"},
            "deploy": None,
            "wanted_version": "",
            "before": {"sha256": "0" * 64},
        }


class ActionModule(Scripted, _Plan):
    """A plan."""
