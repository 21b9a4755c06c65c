# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback before its first wave: which version comes back, on which deployments, and why it must not. Pure."""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping, Sequence

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged, canaries, rollout_order
from ansible_collections.certops.clm.plugins.plugin_utils.going_back import Outcomes, ends
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing
from ansible_collections.certops.clm.plugins.plugin_utils.wave import waits
from ansible_collections.certops.clm.plugins.plugin_utils.wave.issue import version_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.start import left_alone
from ansible_collections.certops.clm.plugins.plugin_utils.wave.waits import listed

SHOWN = 10


def refuse_unknown(manifest: Manifest, outcomes: Outcomes) -> None:
    """ConfigError for a lineage that the manifest does not name: nobody would know where it is deployed."""
    for name in outcomes:
        if name not in manifest.lineages:
            raise ConfigError(f"the manifest names no lineage {name!r}", hint=f"it names {listed(sorted(manifest.lineages)) or 'none'}")


def refuse_dead(standings: Sequence[Standing]) -> None:
    """ConfigError for a version that the manifest declares compromised: no server would take it."""
    for one in standings:
        if one.issue is not None and one.issue.word == "compromised" and one.wanted is not None:
            message = f"version {one.wanted.version} of {one.lineage.name} is not put back: {one.issue.sentence}"
            hint = "name another with -e clm_version=ID, or issue a new one with certops.clm.rotate"
            raise ConfigError(message, hint=hint, runbook="compromised")


def due_of(judged: Mapping[str, Judged], outcomes: Outcomes) -> Dict[str, List[str]]:
    """The deployments that would not serve what comes back, in rollout order, and the canaries among them."""
    ordered = rollout_order([one for one in judged.values() if one.lineage.name in outcomes])
    due = [one.deployment.id for one in ordered if one.deploy is not None and not one.held]
    first = [one.deployment.id for one in canaries(ordered)]
    return {"due": due, "canaries": [host for host in due if host in first]}


def tries(judged: Sequence[Judged], store: SecretStore) -> List[Dict[str, Any]]:
    """By server that made its own key, what would come back there: only it can say whether it still has that key."""
    found: Dict[str, List[Dict[str, Any]]] = {}
    for one in judged:
        if one.lineage.key_origin != "host":
            continue
        version = version_of(store, one.lineage.name, one.wanted_version or "")
        dead = sorted({*one.lineage.compromised, *one.standing.revoked})
        item = {**one.deployment.as_item(), "version": version, "key_origin": "host", "dead": dead, "going_back": True}
        found.setdefault(one.deployment.server, []).extend([item] if version else [])
    return [{"server": server, "deployments": items} for server, items in found.items()]


def waves_of(due: Sequence[str], first: Collection[str], found: Mapping[str, List[int]]) -> List[List[str]]:
    """The deployments of each wave, the canaries' first, as serial will take them."""
    waves: List[List[str]] = []
    for hosts, sizes in (
        ([host for host in due if host in first], found["canary_sizes"]),
        ([host for host in due if host not in first], found["wave_sizes"]),
    ):
        for number in range(len(hosts)):
            size = sizes[min(number, len(sizes) - 1)]
            waves.append(hosts[:size])
            hosts = hosts[size:]
    return [wave for wave in waves if wave]


def sentence(outcomes: Outcomes, facts: Mapping[str, Any], waves: Sequence[Sequence[str]]) -> str:
    """The whole plan: both versions of each lineage, every deployment, the waves."""
    moves = " ".join(_move(name, outcome) for name, outcome in outcomes.items())
    text = f"{moves} {facts['seen']} of {facts['managed']} deployments seen, {facts['due']} due.{left_alone(facts)}{waits.sentences(facts)}"
    if not waves:
        return f"{text} Nothing to deploy: no deployment is known to serve anything else."
    parts = [f"Wave {number}: {listed(wave)}." for number, wave in enumerate(waves, 1)]
    return f"{text} {' '.join(parts[:SHOWN])}" + (f" And {len(parts) - SHOWN} more waves." if len(parts) > SHOWN else "")


def _move(name: str, outcome: Mapping[str, Any]) -> str:
    left, taken = ends(outcome)
    after = _version(outcome["after"])
    if left == taken:
        return f"{name} is at {after} already."
    return f"{name} goes back from {_version(outcome['before'])} to {after} for {listed(outcome['after'].get('names') or [])}."


def _version(facts: Mapping[str, Any]) -> str:
    known = facts.get("sha256")
    return f"version {facts.get('version') or 'none'}" + (f" (SHA-256 {known}, until {facts.get('not_after')})" if known else "")
