# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a lineage's standby among its versions, in the controller's own process."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.anchors import load_anchors
from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.edge import new_run_id, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.standby import take
from ansible_collections.certops.clm.plugins.module_utils.identifiers import meant
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.outcome import Answer, Outcome
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.path import verify
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import split
from ansible_collections.certops.clm.plugins.plugin_utils.edge import run_action
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger, open_store


class ActionModule(ActionBase):
    """One outcome, by the name of the lineage."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        """The result of the task."""
        super().run(tmp, task_vars)
        return run_action(self, _work)


def _work(params: Mapping[str, Any], check_mode: bool) -> Mapping[str, Outcome]:
    manifest = load(params["manifest"])
    lineage, standby = _pair(manifest, str(params["lineage"]))
    store = open_store(manifest.secret_store, utc_now)
    _refuse_untrusted(manifest, standby, store)
    run_id = str(params["run_id"] or new_run_id())
    with open_ledger(manifest, utc_now, check_mode) as ledger:
        if ledger.shut:
            raise ClmError(
                f"the ledger cannot be written, so no standby of {lineage.name} is taken: {ledger.shut.message}",
                hint="mend the ledger, then run certops.clm.standby again",
                runbook="ledger",
            )
        how: Dict[str, Any] = {"store": store, "ledger": ledger, "clock": utc_now, "run_id": run_id, "check_mode": check_mode}
        outcome = take(lineage.name, standby.name, compromised=lineage.compromised, pause=shown(), **how)
    answer = Answer({lineage.name: outcome})
    answer.more, answer.problem = {**ledger.facts, "version": outcome.after.get("version", "")}, "; ".join(ledger.problems)
    return answer


def _pair(manifest: Manifest, name: str) -> Any:
    """The lineage and its standby."""
    lineage = manifest.lineages.get(name)
    if lineage is None:
        raise ConfigError(f"the manifest names no lineage {name!r}", hint=meant(name, manifest.lineages), field="lineage")
    if not lineage.standby:
        raise ConfigError(
            f"{name} keeps no standby", hint="give it `standby: ISSUER` in the manifest, and run certops.clm.rotate", field="lineage"
        )
    return lineage, manifest.lineages[f"{name}.standby"]


def _refuse_untrusted(manifest: Manifest, standby: Lineage, store: SecretStore) -> None:
    """Every client class of the lineage must trust the standby already, or deploying it breaks them."""
    ready = store.load(standby.name)
    chain = [Certificate.parse(block.der) for block in split(ready.chain_pem)] if ready is not None and ready.chain_pem else []
    classes = load_anchors({name: manifest.client_classes[name] for name in standby.consumers}, "client_classes")
    for name, anchors in classes.items() if chain else ():
        found = verify(chain, anchors, name=None, when=utc_now())
        if not found.ok:
            why = "; ".join(found.findings)
            raise ConfigError(f"clients of {name} would not trust the standby: {why}", hint="give them its root first", field=standby.name)
