# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues what one wave needs, and says what every lead has to deploy."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, Mapping

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, Outcome
from ansible_collections.certops.clm.plugins.module_utils.published import Published
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import WaveAction, utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.break_glass import urgent_only
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_issuer, open_ledger, open_store
from ansible_collections.certops.clm.plugins.plugin_utils.wave.issue import by_host, issue, requests_of, version_of, work_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.proofs import answers, gone_on, handed_out, waiting
from ansible_collections.certops.clm.plugins.plugin_utils.wave.record import intents


class ActionModule(WaveAction):
    """Each lineage once, the intent of every deployment in the ledger before any is made."""

    STEP = "issue"
    AFTER = "plan"

    def step(self, args: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        asked = args["asked"]
        if not asked:
            return self._issue(args["plan"], args["requested"], {}, check_mode)
        published = answers(asked["publish"], args["published"])
        return gone_on(asked, self._issue(waiting(args["plan"], asked), args["requested"], published, check_mode))

    def _issue(self, plan: Dict[str, Any], requested: Mapping[str, Any], published: Published, check_mode: bool) -> Dict[str, Any]:
        manifest = load(plan["manifest"])
        store = open_store(plan["secret_store"], utc_now)
        requests = requests_of(plan, requested)
        with open_ledger(manifest, utc_now, check_mode) as ledger:
            plan = urgent_only(plan, ledger.shut, utc_now()) if ledger.shut else plan
            issued = issue(
                plan,
                manifest,
                requests,
                store=store,
                open_issuer=partial(open_issuer, clock=utc_now),
                ledger=ledger,
                clock=utc_now,
                check_mode=check_mode,
                pause=shown(),
                published=published,
            )
            issued, proofs = handed_out(plan, manifest, issued, self.task_vars.get("groups", {}))
            plan = urgent_only(plan, ledger.shut, utc_now()) if ledger.shut else plan  # it may have broken meanwhile
            versions = _versions(plan, store, issued)
            outcomes = by_host(plan, issued, versions)
            work = work_of(plan, outcomes, versions)
            ledger.append(intents(plan, [item["id"] for items in work.values() for item in items], versions))
        changed = any(outcome.changed for outcome in issued.values())
        said = [f"{name}: {outcome.message}" for name, outcome in issued.items() if outcome.state == DONE and outcome.message]
        warnings = [*ledger.facts.get("warnings", ()), *said]  # what later steps would not say of a version that is good
        more = {**ledger.facts, **proofs, **({"warnings": warnings} if warnings else {})}
        return {"changed": changed, "outcomes": outcomes, "versions": versions, "work": work, **more}


def _versions(plan: Mapping[str, Any], store: SecretStore, issued: Mapping[str, Outcome]) -> Dict[str, Any]:
    """By lineage, the version to deploy: the one just issued or taken up, else the one that is wanted anyway."""
    wanted = {item["lineage"]: item["wanted_version"] for item in plan["items"].values()}
    wanted.update({name: str(outcome.after.get("version") or "") for name, outcome in issued.items()})
    found = {name: version_of(store, name, version) for name, version in wanted.items()}
    return {name: version for name, version in found.items() if version}
