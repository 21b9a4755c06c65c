# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets behind an API in a wave: deployed, and put back, in one batch for each kind of target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import (
    Clock,
    Deployed,
    KeyRef,
    SecretStore,
    StoredVersion,
    Target,
    Version,
)
from ansible_collections.certops.clm.plugins.module_utils.errors import known
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, bind_back, converge
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

    def restore(self, hosts: Sequence[str], outcomes: Mapping[str, OutcomeDict]) -> Dict[str, OutcomeDict]:
        """What came of putting back what each host served before; a dead version stays away.

        Where the deployment found something bound by a ref, that is bound again, also what the store does not know; else the
        version is deployed again from the store.
        """
        store = known(self.store, "the secret store")
        found: Dict[str, OutcomeDict] = {}
        items: Dict[str, Item] = {}
        refs: Dict[str, Tuple[Item, Deployed]] = {}
        for host in hosts:
            bound, back = _bound(outcomes.get(host) or {}), self._previous(host, store)
            refusal = self._refusal(host, bound.sha256 if bound else back.sha256 if back else "")
            if refusal:
                found[host] = Outcome(FAILED, "restore", message=refusal, next_action="Deploy a good version by hand.").as_dict()
            elif bound is not None:
                new = Version(str(outcomes[host]["after"].get("sha256") or ""), "", "")
                refs[host] = self._item(host, new), bound
            elif back is not None:
                public = {name: getattr(back, name) for name in ("version", "sha256", "spki_sha256", "chain_pem", "held")}
                items[host] = self._item(host, _version(self.plan, host, public))
        return {**found, **self._bind_back(refs), **self._converge(items)}

    def _previous(self, host: str, store: SecretStore) -> Optional[StoredVersion]:
        item = self.plan["items"][host]
        versions = store.versions(item["lineage"])
        return next((one for one in versions if one.sha256 and one.sha256 == item["before"].get("sha256")), None)

    def _refusal(self, host: str, sha256: str) -> str:
        before = self.plan["items"][host]["before"]
        if not sha256:
            return f"What was served before ({before.get('sha256') or 'nothing'}) is not in the secret store: the new one stays."
        if sha256 in self.plan["lineages"][self.plan["items"][host]["lineage"]]["dead"]:
            return f"The earlier certificate {sha256} is revoked or compromised and is never put back: the new one stays."
        if before.get("not_after") and str(before["not_after"]) <= self.clock().strftime("%Y-%m-%dT%H:%M:%SZ"):
            return f"The earlier certificate {sha256} expired at {before['not_after']} and is never put back: the new one stays."
        return ""

    def _item(self, host: str, version: Version) -> Item:
        item = self.plan["items"][host]
        deployment, lineage = item["deployment"], self.plan["lineages"][item["lineage"]]
        where = {key: value for key, value in deployment["target"].items() if key != "type"}
        where.update(id=host, lineage=item["lineage"], endpoints=deployment.get("endpoints", []), labels=lineage.get("labels", {}))
        return Item(host, where, version, frozenset(lineage["dead"]), bool(where.get("allow_no_rollback")))

    def _kinds(self, hosts: Iterable[str]) -> Dict[str, List[str]]:
        """The hosts of each type of target."""
        kinds: Dict[str, List[str]] = {}
        for host in hosts:
            kinds.setdefault(str(self.plan["items"][host]["deployment"]["target"]["type"]), []).append(host)
        return kinds

    def _target(self, kind: str) -> Target:
        target = self.create(kind, self.pace, self.clock)
        if isinstance(target, KeySender):
            target.take_keys_from(known(self.store, "the secret store"))
        return target

    def _converge(self, items: Mapping[str, Item]) -> Dict[str, OutcomeDict]:
        found: Dict[str, OutcomeDict] = {}
        for kind, hosts in self._kinds(items).items():
            batch = [items[host] for host in hosts]
            done = converge(batch, target=self._target(kind), clock=self.clock, check_mode=self.check_mode)
            found.update({host: outcome.as_dict() for host, outcome in done.items()})
        return found

    def _bind_back(self, refs: Mapping[str, Tuple[Item, Deployed]]) -> Dict[str, OutcomeDict]:
        found: Dict[str, OutcomeDict] = {}
        for kind, hosts in self._kinds(refs).items():
            done = bind_back([refs[host] for host in hosts], target=self._target(kind), clock=self.clock)
            found.update({host: outcome.as_dict() for host, outcome in done.items()})
        return found


def _bound(outcome: Mapping[str, Any]) -> Optional[Deployed]:
    """What the deployment found bound, None where it found nothing or its target has no ref for it."""
    before = outcome.get("before") or {}
    return Deployed(str(before["sha256"]), str(before["ref"])) if before.get("ref") and before.get("sha256") else None


def _version(plan: Mapping[str, Any], host: str, public: Mapping[str, Any]) -> Version:
    lineage = plan["items"][host]["lineage"]
    held = str(public.get("held") or "")
    key = None if held else KeyRef(str(plan["secret_store"]["type"]), lineage, public["version"], public["spki_sha256"])
    return Version(public["sha256"], public["chain_pem"], public["spki_sha256"], key, held=held)
