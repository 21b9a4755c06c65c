# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted against what is served: one judgement for each deployment of the manifest. Pure but for reading the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.manifest import CRITICALITIES, Deployment, Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import ANSWERED, Observations, Seen, index_servers, load
from ansible_collections.certops.clm.plugins.module_utils.outcome import Reason
from ansible_collections.certops.clm.plugins.module_utils.policy.deployment import FOREIGN, reason_to_deploy
from ansible_collections.certops.clm.plugins.module_utils.x509._show import quiet
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils.foreign import described, first_foreign, is_held
from ansible_collections.certops.clm.plugins.plugin_utils.pool import Pool, certificate_of
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing, Versions, standings
from ansible_collections.certops.clm.plugins.plugin_utils.uncollected import paused
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import Timer, Timing

REFUSED = "refused"
ENVIRONMENTS = {
    "dev": 0, "development": 0, "sandbox": 0, "lab": 0, "test": 1, "testing": 1, "qa": 1, "ci": 1, "int": 1, "integration": 1,
    "stage": 2, "staging": 2, "uat": 2, "preprod": 2, "pre-production": 2,
}  # fmt: skip
PRODUCTION = 3  # also whatever nobody has heard of, and no environment at all
FindingsByFile = Mapping[Tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Look:
    """What was seen of one deployment.

    `chains` is what its endpoints serve, and whether that is all of it, what is not wanted first; `refused` says where a TLS
    server would not show one;
    `file` is the leaf in its file, None when nobody knows; `sentence` says where nobody could look, and why; `where` is what its
    server says of the file.
    """

    answer: str
    chains: Tuple[Tuple[Tuple[Certificate, ...], bool], ...] = ()
    refused: str = ""
    file: Optional[Certificate] = None
    file_missing: bool = False
    sentence: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """A deployment with its two reasons. `held`: what is served is not ours to replace, so it is reported and not due.

    `answer` is served (everywhere what is wanted), not_served or could_not_look; `served` is None when nothing was seen;
    a lineage that the store cannot tell about has no reason, and `standing.error` says why;
    `wanted_version` is None when the lineage has none yet; `detail` is one sentence for people; `timing` says whether it waits
    for its change window, None when that is open.
    """

    deployment: Deployment
    lineage: Lineage
    standing: Standing
    issue: Optional[Reason]
    deploy: Optional[Reason]
    held: bool
    served: Optional[Certificate]
    answer: str
    detail: str
    wanted_version: Optional[str]
    next_due: Optional[datetime]
    timing: Optional[Timing] = None

    @property
    def due(self) -> bool:
        """True when a rotation is to work on it now."""
        return self._wanted and not self.waiting

    @property
    def waiting(self) -> bool:
        """True when a rotation would work on it, but for its change window."""
        return self._wanted and self.timing is not None and self.timing.waits

    @property
    def _wanted(self) -> bool:
        return not self.held and (self.issue is not None or self.deploy is not None)


def judge_all(
    manifest: Manifest,
    observations: Observations,
    store: Versions,
    now: datetime,
    *,
    identities: Optional[Mapping[str, str]] = None,
    only: Optional[Collection[str]] = None,
    ignore_windows: str = "",
) -> List[Judged]:
    """Every deployment of the manifest in its order, or those of the lineages in `only`.

    `ignore_windows` is why no change window and no freeze counts, empty when they do.
    `identities` has the identity of each issuer; None: the issuers are asked, and one that cannot tell is not compared.
    """
    lineages = [lineage for lineage in manifest.lineages.values() if lineage.deployments and (only is None or lineage.name in only)]
    files = index_servers(observations.servers)
    pool: Pool = {}
    timer = Timer(manifest.schedule, now, ignore_windows)
    judged: List[Judged] = []
    with quiet, paused():
        for standing in standings(manifest, lineages, store, now, identities, pool):
            for deployment in standing.lineage.deployments:
                look = _look(deployment, standing.sha256, observations, files, pool)
                judged.append(_judge(deployment, standing, look, now, timer))
    return judged


def judge_hosts(manifest: Manifest, hosts: Collection[str], store: Versions, now: datetime, **more: Any) -> Dict[str, Judged]:
    """The deployments with these ids, by id, judged by the manifest's own observations; unknown ids are left out."""
    wanted = set(hosts)
    only = {deployment.lineage for deployment in manifest.deployments if deployment.id in wanted}
    try:
        observations = load(manifest.observations)
    except NotFoundError:
        observations = Observations()
    judged = judge_all(manifest, observations, store, now, only=only, **more)
    return {one.deployment.id: one for one in judged if one.deployment.id in wanted}


def rollout_order(judged: Sequence[Judged]) -> List[Judged]:
    """The order of a rotation: environment, then criticality, lowest first; within them the services take turns."""
    turn: Dict[Tuple[int, int, str], int] = {}
    keyed = []
    for one in judged:
        labels = one.lineage
        environment = rank_of(labels)
        criticality = CRITICALITIES.index(labels.criticality)
        place = environment, criticality, labels.service
        turn[place] = turn.get(place, -1) + 1
        keyed.append(((environment, criticality, turn[place], labels.service), one))
    return [one for _key, one in sorted(keyed, key=lambda pair: pair[0])]


def rank_of(lineage: Lineage) -> int:
    """How late its environment comes: a lower one is rotated before."""
    return ENVIRONMENTS.get(lineage.environment.lower(), PRODUCTION)


def canaries(ordered: Sequence[Judged]) -> List[Judged]:
    """The first deployment of each lineage that has more than one, in the order given.

    While the version to be served is not proven anywhere the first is the first one due, or nobody would try it first.
    """
    first: Dict[str, Judged] = {}
    for one in ordered:
        if len(one.lineage.deployments) < 2:
            continue
        chosen = first.setdefault(one.lineage.name, one)
        wanted = one.standing.wanted
        unproven = one.issue is not None or wanted is None or wanted.state != "proven"
        if unproven and one.due and not chosen.due:
            first[one.lineage.name] = one
    return [one for one in ordered if first.get(one.lineage.name) is one]


def _look(deployment: Deployment, sha256: str, observations: Observations, files: FindingsByFile, pool: Pool) -> Look:
    """What was seen at the deployment's endpoints and in its file."""
    chains: List[Tuple[Tuple[Certificate, ...], bool]] = []
    refused, blind = "", ""
    for endpoint in deployment.endpoints:
        for seen in observations.endpoints.get(endpoint.key) or (Seen("", COULD_NOT_LOOK, error="nobody has looked yet"),):
            chain = _parse(seen.chain_pem, pool)
            if seen.answer == ANSWERED and chain:
                chains.append((chain, seen.whole))
            elif seen.answer == REFUSED:
                refused = refused or f"{endpoint.label}: {seen.error}"
            else:
                blind = blind or f"{endpoint.label}: {seen.error or 'what it sent cannot be read'}"
    file, missing, where = _file(deployment, observations, files, pool)
    wrong = refused or any(chain[0].sha256 != sha256 for chain, _whole in chains)
    answer = NOT_SERVED if wrong else COULD_NOT_LOOK if blind or not chains else SERVED
    chains.sort(key=lambda seen: seen[0][0].sha256 == sha256)  # the wrong ones first
    return Look(answer, tuple(chains), refused, file, missing, blind, where)


def _parse(chain_pem: Sequence[str], pool: Pool) -> Tuple[Certificate, ...]:
    """The certificates of a chain; empty when it cannot be read."""
    try:
        return tuple([certificate_of(pem, pool) for pem in chain_pem])
    except ClmError:
        return ()


def _file(
    deployment: Deployment, observations: Observations, files: FindingsByFile, pool: Pool
) -> Tuple[Optional[Certificate], bool, Mapping[str, Any]]:
    """The leaf in the deployment's file, None when nobody knows; whether the server says that there is none; and its place."""
    server = observations.servers.get(deployment.server)
    if not deployment.certificate_file or server is None or not server.reached:
        return None, False, {}
    finding = files.get((deployment.server, deployment.certificate_file)) or {}
    chain = _parse([str(pem) for pem in finding.get("chain_pem") or ()][:1], pool)
    where = finding.get("where") if isinstance(finding.get("where"), Mapping) else {}
    return (chain[0], False, where) if chain else (None, True, where)


def _judge(deployment: Deployment, standing: Standing, look: Look, now: datetime, timer: Timer) -> Judged:
    lineage = standing.lineage
    served = look.chains[0][0][0] if look.chains else None
    strange = look.file is not None and look.file.sha256 not in standing.known
    there = look.file if strange else served or look.file  # the file is what would be overwritten
    deploy = _reason_to_deploy(standing, look, now) if standing.wanted else first_foreign(there, standing.known)
    held = False
    if deploy is not None and deploy.word == FOREIGN:
        deploy = described(deploy, there, look.where)
        held = is_held(there, look.where, lineage.take_over, now)
    return Judged(
        deployment=deployment,
        lineage=lineage,
        standing=standing,
        issue=standing.issue,
        deploy=deploy,
        held=held,
        served=served,
        answer=look.answer,
        detail=standing.error or (deploy.sentence if deploy else look.sentence),
        wanted_version=standing.wanted.version if standing.wanted else None,
        next_due=standing.next_due,
        timing=timer.judge(lineage, standing.issue, deploy, _soonest(look), standing.wanted.meta if standing.wanted else {}),
    )


def _soonest(look: Look) -> Optional[Certificate]:
    """Of what is served at all endpoints what expires first, None when nothing was seen, or one of them cannot be read."""
    leaves = [(chain[0].not_after, chain[0]) for chain, _whole in look.chains]
    dated = [(when, leaf) for when, leaf in leaves if when is not None]
    return min(dated, key=lambda pair: pair[0])[1] if dated and len(dated) == len(leaves) else None


def _reason_to_deploy(standing: Standing, look: Look, now: datetime) -> Optional[Reason]:
    if look.file is not None and look.file.sha256 not in standing.known and look.answer != SERVED:
        return Reason(FOREIGN, f"the file holds {look.file.sha256[:16]}..., which the store does not know")
    for chain, whole in look.chains:
        reason = None
        if [one.der for one in chain] != [one.der for one in standing.chain]:
            reason = reason_to_deploy(chain, standing.chain, standing.known, now=now, chain_seen=whole)
        if reason is not None:
            return reason
    if look.refused:
        return Reason(NOT_SERVED, look.refused)
    if look.file is not None and look.file.sha256 != standing.sha256:
        where = "what is served is right, but" if look.answer == SERVED else "nobody could look, and"
        if look.file.sha256 not in standing.known:
            return Reason(FOREIGN, f"{where} the file holds {look.file.sha256[:16]}..., which the store does not know")
        return Reason(NOT_SERVED, f"{where} the file holds {look.file.sha256[:16]}...")
    if look.file_missing and not look.chains:
        return Reason(NOT_SERVED, f"{look.sentence}, and the server has no certificate in the file")
    if look.answer == SERVED and standing.wanted is not None and standing.wanted.state == "issued":
        return Reason("unproven", "it is served, but no run has proven it yet: name, path and gate are still to be judged")
    if look.answer == SERVED and not standing.current:
        return Reason("unproven", "it is served and proven, but the run that proved it ended before it became the current version")
    return None
