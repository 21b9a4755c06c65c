# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues nothing: each lineage whose server made a request has a version. What comes of it is the shipped code's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict, Sequence

from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, PLANNED, Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave import issue as shipped
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import Scripted, swap

LINEAGE = {"issuer": "ca", "profile": "web", "names": (), "labels": {}, "forced": "", "reuse_key": "", "compromised": (),
           "fallback_issuers": (), "standby": "", "standby_for": ""}


def _converge(wanted: Sequence[Any], *, check_mode: bool, **more: Any) -> Dict[str, Outcome]:
    made = PLANNED if check_mode else DONE
    return {item.id: Outcome(made, "issue", after={} if check_mode else {"version": f"1-{item.id}"}) for item in wanted}


def _manifest(names: Sequence[str]) -> Any:
    lineages = {name: SimpleNamespace(name=name, **LINEAGE) for name in names}
    of = {"profile_of": lambda one: None, "policy_of": lambda one: None}
    return SimpleNamespace(lineages=lineages, issuers={"ca": {}}, observations="", **of)


swap(shipped, converge=_converge)


class _Issue(WaveAction):
    STEP = "issue"
    AFTER = "plan"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        plan = args["plan"]
        store: Any = SimpleNamespace(load=lambda name: None, append=lambda events: None)
        tools = {"store": store, "open_issuer": lambda given: store, "ledger": store, "clock": store, "check_mode": check_mode}
        requests = shipped.requests_of(plan, args["requested"])
        manifest = _manifest(list(plan["lineages"]))
        issued = shipped.issue(plan, manifest, requests, **tools)
        made = [name for name, outcome in issued.items() if outcome.state == DONE]
        versions = {name: {"version": f"1-{name}", "sha256": "1" * 64, "spki_sha256": "2" * 64} for name in made}
        outcomes = shipped.by_host(plan, issued, versions)
        return {"outcomes": outcomes, "versions": versions, "work": shipped.work_of(plan, outcomes, versions), "changed": True}


class ActionModule(Scripted, _Issue):
    """Versions for all."""
