# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at the endpoints of a wave's deployments, and judging each deployment by all of its endpoints."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.anchors import load_anchors
from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Clock, Proof
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, Observation, judge
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle

Probe = Callable[[Sequence[Endpoint]], List[List[Observation]]]
Anchors = Mapping[str, Bundle]


class Looker:
    """Looks at items of a plan; `seen` keeps the last observations of each endpoint by its key."""

    def __init__(
        self, plan: Mapping[str, Any], versions: Mapping[str, Any], anchors: Mapping[str, Anchors], probe: Probe, clock: Clock
    ) -> None:
        self._plan = plan
        self._versions = versions
        self._anchors = anchors
        self._probe = probe
        self._clock = clock
        self.seen: Dict[str, List[Observation]] = {}

    def look(self, items: Sequence[str]) -> Dict[str, Proof]:
        """One proof for each item, from one batch of new connections."""
        work: List[Tuple[str, Endpoint]] = [(item, endpoint) for item in items for endpoint in endpoints_of(self._plan, item)]
        looks = self._probe([endpoint for _item, endpoint in work])
        proofs: Dict[str, List[Proof]] = {item: [] for item in items}
        for (item, endpoint), observations in zip(work, looks):
            self.seen[endpoint.key] = observations
            proofs[item].append(self.judge(item, endpoint, observations))
        return {item: together(found) for item, found in proofs.items()}

    def judge(self, item: str, endpoint: Endpoint, observations: Sequence[Observation]) -> Proof:
        """What these observations of one of its endpoints prove for an item."""
        lineage = self._plan["items"][item]["lineage"]
        version = self._versions[lineage]
        return judge(observations, sha256=version["sha256"], name=endpoint.name, anchors=self._anchors[lineage], when=self._clock()).proof


def endpoints_of(plan: Mapping[str, Any], item: str) -> List[Endpoint]:
    """The endpoints that prove an item."""
    return [Endpoint.from_dict(one) for one in plan["items"][item]["deployment"]["endpoints"]]


def together(proofs: Sequence[Proof]) -> Proof:
    """One answer from several endpoints: what is wrong at one is wrong, what could not be seen at one is not proven."""
    for answer in (NOT_SERVED, COULD_NOT_LOOK):
        found = [proof for proof in proofs if proof.answer == answer]
        if found:
            return Proof(answer, found[0].sha256, "; ".join(proof.detail for proof in found))
    return Proof(SERVED, proofs[0].sha256) if proofs else Proof(COULD_NOT_LOOK, detail="the deployment names no endpoint")


def anchors_of(plan: Mapping[str, Any], issuer_anchors: Callable[[str], str]) -> Dict[str, Anchors]:
    """By lineage, the anchors of every client class it names; without one, those of its issuer where it has any."""
    lineages = plan["lineages"]
    used = {name for lineage in lineages.values() for name in lineage["labels"]["consumers"]}
    classes = load_anchors({name: plan["client_classes"][name] for name in sorted(used)}, "client_classes")
    alone = {lineage["issuer"] for lineage in lineages.values() if not lineage["labels"]["consumers"]}
    own = {issuer: _own(issuer_anchors(issuer)) for issuer in alone}
    return {
        name: {one: classes[one] for one in lineage["labels"]["consumers"]} or {f"issuer {lineage['issuer']}": own[lineage["issuer"]]}
        for name, lineage in lineages.items()
    }


def _own(pem: str) -> Bundle:
    return Bundle.parse(pem) if pem else Bundle.public()
