# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets behind an API in a wave: deployed, and put back, in one batch for each kind of target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, KeyRef, SecretStore, StoredVersion, Target, Version
from ansible_collections.certops.clm.plugins.module_utils.errors import known
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge
from ansible_collections.certops.clm.plugins.module_utils.outcome import FAILED, Outcome
from ansible_collections.certops.clm.plugins.module_utils.targets import _index as targets
from ansible_collections.certops.clm.plugins.module_utils.targets._powers import KeySender
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, positive

CreateTarget = Callable[[str, Mapping[str, Any], Clock], Target]


@dataclass(frozen=True)
class Clouds:
    """The means to deploy a plan's items that lie on no managed server.

    A target's options are the pace of its proof. A place is what the manifest says of it, with `id`, `lineage`, `endpoints` and `labels`.
    """

    plan: Mapping[str, Any]
    clock: Clock
    check_mode: bool = False
    create: CreateTarget = targets.create
    store: Optional[SecretStore] = None
    pace: Mapping[str, Any] = field(default_factory=dict)

    def deploy(self, outcomes: Mapping[str, OutcomeDict], versions: Mapping[str, Any]) -> Dict[str, OutcomeDict]:
        """The outcomes with those of every item on a target that is no managed server."""
        hosts = [host for host, item in self.plan["items"].items() if not item["server"] and positive(outcomes[host])]
        items = {host: self._item(host, _version(self.plan, host, versions[self.plan["items"][host]["lineage"]])) for host in hosts}
        return {**{host: dict(outcome) for host, outcome in outcomes.items()}, **self._converge(items)}

    def restore(self, hosts: Sequence[str]) -> Dict[str, OutcomeDict]:
        """What came of deploying again, from the secret store, what each host served before; a dead version stays away."""
        store = known(self.store, "the secret store")
        found: Dict[str, OutcomeDict] = {}
        items: Dict[str, Item] = {}
        for host in hosts:
            back = self._previous(host, store)
            refusal = self._refusal(host, back)
            if refusal or back is None:
                found[host] = Outcome(FAILED, "restore", message=refusal, next_action="Deploy a good version by hand.").as_dict()
            else:
                public = {"version": back.version, "sha256": back.sha256, "spki_sha256": back.spki_sha256, "chain_pem": back.chain_pem}
                items[host] = self._item(host, _version(self.plan, host, public))
        return {**found, **self._converge(items)}

    def _previous(self, host: str, store: SecretStore) -> Optional[StoredVersion]:
        item = self.plan["items"][host]
        versions = store.versions(item["lineage"])
        return next((one for one in versions if one.sha256 and one.sha256 == item["before"].get("sha256")), None)

    def _refusal(self, host: str, back: Optional[StoredVersion]) -> str:
        before = self.plan["items"][host]["before"]
        if back is None:
            return f"What was served before ({before.get('sha256') or 'nothing'}) is not in the secret store: the new one stays."
        if back.sha256 in self.plan["lineages"][self.plan["items"][host]["lineage"]]["dead"]:
            return f"The earlier certificate {back.sha256} is revoked or compromised and is never put back: the new one stays."
        if before.get("not_after") and str(before["not_after"]) <= self.clock().strftime("%Y-%m-%dT%H:%M:%SZ"):
            return f"The earlier certificate {back.sha256} expired at {before['not_after']} and is never put back: the new one stays."
        return ""

    def _item(self, host: str, version: Version) -> Item:
        item = self.plan["items"][host]
        deployment, lineage = item["deployment"], self.plan["lineages"][item["lineage"]]
        where = {key: value for key, value in deployment["target"].items() if key != "type"}
        where.update(id=host, lineage=item["lineage"], endpoints=deployment.get("endpoints", []), labels=lineage.get("labels", {}))
        return Item(host, where, version, frozenset(lineage["dead"]), bool(where.get("allow_no_rollback")))

    def _converge(self, items: Mapping[str, Item]) -> Dict[str, OutcomeDict]:
        kinds: Dict[str, List[Item]] = {}
        for host, item in items.items():
            kinds.setdefault(str(self.plan["items"][host]["deployment"]["target"]["type"]), []).append(item)
        found: Dict[str, OutcomeDict] = {}
        for kind, batch in kinds.items():
            target = self.create(kind, self.pace, self.clock)
            if isinstance(target, KeySender):
                target.take_keys_from(known(self.store, "the secret store"))
            done = converge(batch, target=target, clock=self.clock, check_mode=self.check_mode)
            found.update({host: outcome.as_dict() for host, outcome in done.items()})
        return found


def _version(plan: Mapping[str, Any], host: str, public: Mapping[str, Any]) -> Version:
    lineage = plan["items"][host]["lineage"]
    key = KeyRef(str(plan["secret_store"]["type"]), lineage, public["version"], public["spki_sha256"])
    return Version(public["sha256"], public["chain_pem"], public["spki_sha256"], key)
