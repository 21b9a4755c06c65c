# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that the inventory makes of an estate, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.identifiers import slug
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import canaries
from ansible_collections.certops.clm.plugins.plugin_utils.estate import Estate, summary
from ansible_collections.certops.clm.plugins.plugin_utils.host_facts import (
    GROUPS,
    bounded,
    certificate_groups,
    certificate_variables,
    judged_groups,
    judged_variables,
    place_groups,
    place_variables,
    policy_findings,
    policy_group,
)
from ansible_collections.certops.clm.plugins.plugin_utils.part import WHOLE, Part

HASH = 16


@dataclass(frozen=True)
class Host:
    """One host with its variables and the groups that it is in."""

    name: str
    variables: Mapping[str, Any]
    groups: Sequence[str]


@dataclass(frozen=True)
class Made:
    """All hosts; `ordered` has the groups whose order counts, `groups` every group that is to exist."""

    hosts: Tuple[Host, ...]
    ordered: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def groups(self) -> Tuple[str, ...]:
        """Every group, each once: the fixed ones, then those that hosts are in."""
        return tuple(dict.fromkeys((*GROUPS, *(group for host in self.hosts for group in host.groups))))


def deployment_hosts(estate: Estate, now: datetime, part: Part = WHOLE) -> Made:
    """One host for each deployment in rollout order, then one for each place that the manifest does not name.

    A slice that we cut ourselves has every host, but works only on its own: the groups of a rotation hold no others.
    """
    mine = set(part.cut([one.deployment.id for one in estate.judged], {one.deployment.id: one.lineage.service for one in estate.judged}))
    hosts: List[Host] = []
    for judged in estate.judged:
        found = policy_findings(judged.standing.policy, judged.served, now)
        findings = [finding for all_of in found.values() for finding in all_of]
        groups = judged_groups(judged, [policy_group(title) for title in found], now)
        hosts.append(Host(judged.deployment.id, judged_variables(judged, findings), groups))
    hosts += [Host(place.id, place_variables(place), place_groups(place, now)) for place in estate.places]
    ordered = {
        "clm_due": [one.deployment.id for one in estate.judged if one.due],
        "clm_waiting": [one.deployment.id for one in estate.judged if one.waiting],
        "clm_canary": [one.deployment.id for one in canaries(estate.judged)],
    }
    ordered = {group: [name for name in names if name in mine] for group, names in ordered.items()}
    return Made(tuple(hosts), ordered)


def certificate_hosts(estate: Estate, now: datetime) -> Made:
    """One host for each certificate that was seen anywhere, by its SHA-256, with all its places."""
    certificates: Dict[str, Certificate] = {}
    where: Dict[str, List[Dict[str, Any]]] = {}
    groups: Dict[str, List[str]] = {}
    for judged in estate.judged:
        if judged.served is not None:
            sha256 = _note(certificates, judged.served)
            place = {"deployment": judged.deployment.id, "server": judged.deployment.server, "lineage": judged.lineage.name}
            where.setdefault(sha256, []).append(place)
            groups.setdefault(sha256, []).append("clm_managed")
    for found in estate.places:
        if found.certificate is not None:
            sha256 = _note(certificates, found.certificate)
            place = {"place": found.id, "server": found.found.server, "lineage": found.lineage, "where": bounded(found.found.where)}
            where.setdefault(sha256, []).append(place)
            groups.setdefault(sha256, []).append("clm_orphaned" if found.orphaned else "clm_unmanaged")
    return Made(tuple(_certificate_host(one, where[sha256], groups[sha256], now) for sha256, one in certificates.items()))


def _note(certificates: Dict[str, Certificate], certificate: Certificate) -> str:
    certificates.setdefault(certificate.sha256, certificate)
    return certificate.sha256


def _certificate_host(certificate: Certificate, where: List[Dict[str, Any]], groups: Iterable[str], now: datetime) -> Host:
    name = f"{slug((certificate.names or ('certificate',))[0])[:80]}-{certificate.sha256[:HASH]}"
    lineages = sorted({str(place["lineage"]) for place in where if place["lineage"]})
    variables = {**certificate_variables(certificate), "clm_places": where[:1000], "clm_places_count": len(where), "clm_lineages": lineages}
    return Host(name, variables, list(dict.fromkeys((*groups, *certificate_groups(certificate, now)))))


def settings(estate: Estate, unknown: Sequence[str], now: datetime) -> Dict[str, Any]:
    """The variables of the group all."""
    return {
        "clm_manifest_file": estate.manifest.path,
        "clm_observations_file": estate.observations_file,
        "clm_secret_store": dict(estate.manifest.secret_store),
        "clm_ledger": dict(estate.manifest.ledger),
        "clm_summary": summary(estate, now),
        "clm_blind": list(estate.blind),
        "clm_unknown_servers": list(unknown),
        "clm_retired": list(estate.retired),
        "clm_sources": {name: dict(one) for name, one in estate.sources.items()},
    }


def server_variables(manifest: Manifest, server: str) -> Dict[str, Any]:
    """What `server_certificates_info` is to look at on a server: kinds, files and endpoints of the manifest."""
    deployments = [one for one in manifest.server_items(server) if one.target["type"] == "server"]
    kinds = dict.fromkeys(one.target["kind"] for one in deployments if one.target["kind"] != "generic")
    endpoints = {endpoint.key: endpoint.as_dict() for one in deployments for endpoint in one.endpoints}
    return {"kinds": list(kinds), "files": [one.certificate_file for one in deployments], "endpoints": list(endpoints.values())}
