# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What breaks when a certificate, a key, an issuer or a host is lost: deployments, services, owners and consumers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import LABELS, Deployment, Lineage
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, chain_der, index_servers
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate, rfc3339
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import split
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import ENVIRONMENTS, PRODUCTION, Judged
from ansible_collections.certops.clm.plugins.plugin_utils.estate import Estate
from ansible_collections.certops.clm.plugins.plugin_utils.impact_question import Chain, Question
from ansible_collections.certops.clm.plugins.plugin_utils.unseen import unseen

SERVED, WANTED, KEPT = "served", "wanted", "kept"
ROLES = (SERVED, WANTED, KEPT)
MAX_NAMES = 20


@dataclass(frozen=True)
class Row:
    """A place, or a version that is only kept, which the question touches.

    `role` is served (it breaks now), wanted (it would be deployed next) or kept (no way back to it); `why` is one sentence.
    """

    id: str
    role: str
    why: str
    lineage: str = ""
    server: str = ""
    endpoints: Tuple[str, ...] = ()
    leaf: Optional[Certificate] = None
    labels: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> Dict[str, Any]:
        """The row as results carry it."""
        leaf = self.leaf
        return {
            "id": self.id,
            "role": self.role,
            "why": self.why,
            "lineage": self.lineage,
            "server": self.server,
            "endpoints": list(self.endpoints),
            "sha256": leaf.sha256 if leaf else "",
            "names": list(leaf.names[:MAX_NAMES]) if leaf else [],
            "not_after": rfc3339(leaf.not_after) if leaf and leaf.not_after else "",
            **{key: self.labels.get(key, [] if key == "consumers" else "") for key in LABELS},
        }


def impact(question: Question, estate: Estate, observations: Observations, store: SecretStore) -> Dict[str, Any]:
    """Rows, worst first, with their services, owners and consumers.

    `unknown` has one sentence for everything that might depend on it too: an endpoint of which nobody knows what it serves, also
    beside others that were seen, and what the secret store cannot tell.
    """
    rows: List[Row] = []
    unknown: List[str] = []
    files = index_servers(observations.servers)
    for judged in estate.judged:
        served = list(_served(judged.deployment, observations, files))
        unknown += _unknown(judged, served, observations)
        row = _row(question, judged.deployment, judged.lineage, served, judged.standing.chain)
        rows += [row] if row else []
    rows += _places(question, estate)
    versions, unread = _stored(estate, store)
    rows += _kept(question, estate, versions, {row.leaf.sha256 for row in rows if row.leaf})
    rows.sort(key=_weight)
    return {
        "rows": [row.as_dict() for row in rows],
        "services": _once(row.labels.get("service") for row in rows),
        "owners": _once(row.labels.get("owner") for row in rows),
        "consumers": _once([*(one for row in rows for one in row.labels.get("consumers") or ()), *question.trusted_by]),
        "unknown": [*unknown, *unread],
        "taken_at": rfc3339(observations.taken_at) if observations.taken_at else "",
    }


def _unknown(judged: Judged, served: Sequence[Any], observations: Observations) -> List[str]:
    """What nobody knows of a deployment: each endpoint by itself, since they need not serve the same."""
    found = [text for _deployment, text in unseen([judged.deployment], observations, strict=True)]
    return found if found or served else [f"{judged.deployment.id}: {judged.detail or 'nobody has looked yet'}"]


def _served(
    deployment: Deployment, observations: Observations, files: Mapping[Tuple[str, str], Mapping[str, Any]]
) -> Iterator[Tuple[Certificate, ...]]:
    """Every chain that was seen at the deployment's endpoints or in its file."""
    texts = [seen.chain_pem for endpoint in deployment.endpoints for seen in observations.endpoints.get(endpoint.key, ())]
    finding = files.get((deployment.server, deployment.certificate_file)) or {}
    texts.append(tuple(str(pem) for pem in finding.get("chain_pem") or ()))
    for text in texts:
        chain = _parse(text)
        if chain:
            yield chain


def _parse(texts: Sequence[str]) -> Tuple[Certificate, ...]:
    try:
        return tuple(Certificate.parse(der) for der in chain_der(texts))
    except (ClmError, ValueError):
        return ()


def _row(
    question: Question, deployment: Deployment, lineage: Lineage, served: Sequence[Tuple[Certificate, ...]], wanted: Tuple[Certificate, ...]
) -> Optional[Row]:
    """The row of a deployment by the worst that is true of it, None when the question does not touch it."""
    ends = tuple(endpoint.label for endpoint in deployment.endpoints)
    hosts = (deployment.server, *(endpoint.host for endpoint in deployment.endpoints))
    chains = [Chain(SERVED, chain, hosts, lineage.labels["consumers"]) for chain in served]
    chains += [Chain(WANTED, wanted, hosts, lineage.labels["consumers"])] if wanted else []
    if not chains:
        chains = [Chain(WANTED, (), hosts, lineage.labels["consumers"])]
    for chain in chains:
        why = question.touches(chain)
        if why:
            leaf = chain.certificates[0] if chain.certificates else None
            return Row(deployment.id, chain.role, why, lineage.name, deployment.server, ends, leaf, lineage.labels)
    return None


def _places(question: Question, estate: Estate) -> List[Row]:
    """The places that no manifest names: they break as well, and nobody is written down for them."""
    rows = []
    for place in estate.places:
        hosts = (place.found.server, str(place.found.where.get("host") or ""))
        why = question.touches(Chain(SERVED, place.chain, hosts, ()))
        if why:
            role = KEPT if place.orphaned else SERVED
            rows.append(
                Row(place.id, role, f"{why}; no manifest names this place", place.lineage, place.found.server, (), place.certificate)
            )
    return rows


def _stored(estate: Estate, store: SecretStore) -> Tuple[Dict[str, List[StoredVersion]], List[str]]:
    """By lineage of the manifest what the store has, and one sentence for every entry, of any lineage, that it cannot tell."""
    found: Dict[str, List[StoredVersion]] = {}
    unread: List[str] = []
    try:
        names = store.lineages()
    except ClmError as error:
        names, unread = [], [f"the lineages that only the secret store knows: {error}"]
    for name in dict.fromkeys((*estate.manifest.lineages, *names)):
        versions, problems = readable(store, name)
        unread += problems
        if name in estate.manifest.lineages:
            found[name] = versions
    return found, unread


def readable(store: SecretStore, lineage: str) -> Tuple[List[StoredVersion], List[str]]:
    """The versions of a lineage, and one sentence for each of which nobody knows what it is."""
    try:
        versions = store.versions(lineage)
    except ClmError as error:
        return [], [f"lineage {lineage}: {error}"]
    bad = {one.version: str(one.meta.get("malformed") or "its chain cannot be read") for one in versions if _is_damaged(one)}
    return versions, [f"lineage {lineage}: version {version} in the secret store cannot be read: {why}" for version, why in bad.items()]


def _is_damaged(version: StoredVersion) -> bool:
    return bool(version.meta.get("malformed") or (version.chain_pem and not _of(version)))


def _kept(question: Question, estate: Estate, stored: Mapping[str, Sequence[StoredVersion]], shown: Collection[str]) -> List[Row]:
    """The versions of the manifest's lineages that are only kept: a way back, or a standby, that is lost too."""
    rows = []
    for lineage in estate.manifest.lineages.values():
        for version in stored[lineage.name]:
            chain = _of(version)
            if chain and chain[0].sha256 not in shown:
                why = question.touches(Chain(KEPT, chain, (), lineage.labels["consumers"]))
                if why:
                    rows.append(Row(f"{lineage.name}/{version.version}", KEPT, why, lineage.name, "", (), chain[0], lineage.labels))
    return rows


def _of(version: StoredVersion) -> Tuple[Certificate, ...]:
    try:
        return tuple(Certificate.parse(block.der) for block in split(version.chain_pem)) if version.chain_pem else ()
    except ClmError:
        return ()


def _weight(row: Row) -> Tuple[Any, ...]:
    """Served before wanted before kept, production and critical first, then by name."""
    criticality = ("critical", "high", "medium", "low", "").index(str(row.labels.get("criticality") or ""))
    environment = ENVIRONMENTS.get(str(row.labels.get("environment") or "").lower(), PRODUCTION)
    return ROLES.index(row.role), -environment, criticality, str(row.labels.get("service") or ""), row.id


def _once(values: Any) -> List[str]:
    return sorted({str(value) for value in values if value})


def sentence(question: Question, found: Mapping[str, Any], now: datetime) -> str:
    """The first line that a person reads."""
    rows = found["rows"]
    if not rows:
        return f"Nothing that was seen depends on {question.label}."
    served = sum(row["role"] == SERVED for row in rows)
    dead = sum(bool(row["not_after"]) and row["not_after"] < rfc3339(now) for row in rows if row["role"] == SERVED)
    text = f"{served} places serve {question.label}, {len(rows) - served} more would or could"
    text += f"; {dead} of those served have expired" if dead else ""
    text += f". Services: {', '.join(found['services']) or 'none named'}. Owners: {', '.join(found['owners']) or 'none named'}."
    return f"{text} Consumers: {', '.join(found['consumers']) or 'none named'}."
