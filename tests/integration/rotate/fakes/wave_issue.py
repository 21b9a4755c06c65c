# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped step, which issues nothing: each lineage whose server made a request has a version, once its proof is published where the
script says that the CA asks for one. What comes of it is the shipped code's."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, Dict, Mapping, Optional, Sequence

from ansible_collections.certops.clm.plugins.module_utils.contracts import StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.manifest import Deployment, Lineage
from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, PENDING, PLANNED, Outcome, failed
from ansible_collections.certops.clm.plugins.plugin_utils.shipped import wave_issue as shipped
from ansible_collections.certops.clm.plugins.plugin_utils.wave import issue
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import Scripted, script, swap


def _converge(wanted: Sequence[Any], *, check_mode: bool, **more: Any) -> Dict[str, Outcome]:
    return {item.id: Outcome(PLANNED, "issue") if check_mode else _issued(item.id, item.published) for item in wanted}


def _issued(name: str, published: Mapping[str, Any]) -> Outcome:
    host = name.removeprefix("of-")
    error = published.get(host)
    if error is not None:
        return failed("issue", error)
    made = Outcome(DONE, "issue", after={"version": f"1-{name}"})
    if host not in script("proof") or host in published:
        return made
    proof = {"name": host, "hosts": [], "root": "/www", "roots": {}, "file": host, "content": f"{host}.thumb"}
    if script("proof")[host] == "left":  # the version is there, and what a killed run published too
        return Outcome(DONE, "issue", after={**made.after, "withdraw": [proof]})
    if script("proof")[host] == "elsewhere":
        proof["hosts"] = ["s9"]
    return Outcome(PENDING, "issue", after={"version": f"1-{name}", "challenges": [proof], "withdraw": [proof]})


class _Lineages(Dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        places = (Deployment(name, name, script("servers")[name.removeprefix("of-")], {}, ()),)
        return Lineage(name, (), "ca", "web", deployments=places)


def _load(name: str, version: str = "") -> Optional[Any]:
    return StoredVersion(name, version, "issued", "2" * 64, "1" * 64) if version else None


STORE: Any = SimpleNamespace(load=_load)
LEDGER: Any = SimpleNamespace(append=lambda events: None, shut=None, facts={})
MANIFEST: Any = SimpleNamespace(
    lineages=_Lineages(), issuers={"ca": {}}, observations="", profile_of=lambda one: None, policy_of=lambda one: None
)
swap(issue, converge=_converge)
swap(
    shipped,
    load=lambda path: MANIFEST,
    open_store=lambda options, clock: STORE,
    open_issuer=lambda options, clock: STORE,
    open_ledger=lambda manifest, clock, check_mode: nullcontext(LEDGER),
)


class ActionModule(Scripted, shipped.ActionModule):
    """Versions for all."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        self.script_of = "answered" if self._task.args.get("asked") else ""  # the second call has a script of its own
        return super().run(tmp, task_vars)
