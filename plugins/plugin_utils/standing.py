# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a lineage stands: which version its deployments should serve, and whether a new one is to be issued. Reads, never writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Protocol, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils import hints
from ansible_collections.certops.clm.plugins.module_utils.contracts import RETIRED, Clock, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.issuers import _index as issuers
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import Reason
from ansible_collections.certops.clm.plugins.module_utils.policy.policy import Policy
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.policy.renewal import Foretold, next_due, reason_to_renew
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils.pool import Pool, chain_of

USABLE = ("issued", "proven")


class Versions(Protocol):
    """What judging needs of a secret store."""

    def versions(self, lineage: str) -> List[StoredVersion]:
        """Every version, oldest first."""

    def current(self, lineage: str) -> Optional[str]:
        """The id of the current version."""


@dataclass(frozen=True)
class Asked:
    """What `reason_to_renew` needs to know of a lineage."""

    lineage: str
    names: Tuple[str, ...]
    profile: Profile


@dataclass(frozen=True)
class Choice:
    """A version that could be the wanted one, and why a new one is to be issued all the same; None when it is good."""

    version: Optional[StoredVersion]
    chain: Tuple[Certificate, ...]
    issue: Optional[Reason]


@dataclass(frozen=True)
class Standing:
    """One lineage.

    `wanted` is the version that every deployment should serve, None when there is none yet, and `chain` its chain; `issue`
    is why a new one is to be issued; `known` has the SHA-256 of every version that the store knows, `revoked` those that
    were revoked; `error` says why the store could not tell; `retired`: it has ended; `current`: the store names it as current.
    """

    lineage: Lineage
    policy: Policy
    wanted: Optional[StoredVersion] = None
    chain: Tuple[Certificate, ...] = ()
    known: FrozenSet[str] = frozenset()
    revoked: FrozenSet[str] = frozenset()
    issue: Optional[Reason] = None
    next_due: Optional[datetime] = None
    error: str = ""
    retired: bool = False
    current: bool = True

    @property
    def sha256(self) -> str:
        """What is to be served, empty when there is nothing yet."""
        return self.chain[0].sha256 if self.chain else ""


def standings(
    manifest: Manifest,
    lineages: Sequence[Lineage],
    store: Versions,
    now: datetime,
    identities: Optional[Mapping[str, str]] = None,
    pool: Optional[Pool] = None,
) -> List[Standing]:
    """How each of the lineages stands but for those that have ended; one that the store cannot tell about has its `error`.

    `identities` has the identity of each issuer; None: the issuers are asked, and one that cannot tell is not compared.
    `pool` has what was read already, and takes what is read here.
    """
    identities = issuer_identities(manifest, lambda: now) if identities is None else identities
    rules = policies(manifest, lineages)
    pool = {} if pool is None else pool
    windows = hints.windows(hints.read(hints.file_of(manifest.observations)))
    found: List[Standing] = []
    for lineage in lineages:
        policy = rules[lineage.profile]
        try:
            found.append(standing_of(manifest, lineage, store, now, policy, accepted_of(lineage, identities), windows, pool))
        except ClmError as error:
            found.append(Standing(lineage, policy, error=str(error)))
    return [standing for standing in found if not standing.retired]


def accepted_of(lineage: Lineage, identities: Mapping[str, str]) -> Tuple[str, ...]:
    """The identities of the issuers that the lineage may have: its own first, then fallbacks and standby; empty: not to be compared."""
    own = identities.get(lineage.issuer, "")
    others = [identities.get(name, "") for name in (*lineage.fallback_issuers, lineage.standby)]
    return (own, *(one for one in others if one)) if own else ()


def forced_of(lineage: Lineage, store: Versions, current: Optional[StoredVersion]) -> str:
    """Why the lineage is to be issued although nothing else asks for it; a standby that has gone into service needs another key."""
    if not lineage.standby_for or current is None or not current.sha256:
        return lineage.forced
    served = any(version.sha256 == current.sha256 for version in store.versions(lineage.standby_for))
    return f"{current.sha256[:16]} went into service" if served else lineage.forced


def undeployed(manifest: Manifest) -> List[Lineage]:
    """The lineages that no deployment serves: they are kept in the secret store only, and renewed there."""
    return [lineage for lineage in manifest.lineages.values() if not lineage.deployments]


def standing_of(
    manifest: Manifest,
    lineage: Lineage,
    store: Versions,
    now: datetime,
    policy: Policy,
    accepted: Tuple[str, ...] = (),
    windows: Optional[Mapping[str, hints.Window]] = None,
    pool: Optional[Pool] = None,
) -> Standing:
    """How the lineage stands now. `accepted` as `accepted_of` gives it; `windows` are the issuers' hints by SHA-256."""
    versions = store.versions(lineage.name)
    if versions and versions[-1].state == RETIRED:
        return Standing(lineage, policy, known=frozenset(version.sha256 for version in versions if version.sha256), retired=True)
    current = store.current(lineage.name)
    asked = Asked(lineage.name, lineage.names, manifest.profile_of(lineage))
    candidates = _candidates(versions, current)
    if not lineage.deployments:
        candidates = [version for version in candidates if version.version == current]  # no wave will make a newer one current
    now_current = next((version for version in versions if version.version == current), None)
    forced = forced_of(lineage, store, now_current)
    lineage = lineage if forced == lineage.forced else replace(lineage, forced=forced)
    read: Pool = {} if pool is None else pool
    common: Dict[str, Any] = {"policy": policy, "now": now, "accepted": accepted, "windows": windows or {}, "pool": read}
    choices = [_choice(asked, lineage, version, versions, **common) for version in candidates]
    nothing = Choice(None, (), reason_to_renew(asked, None, policy=policy, now=now))
    chosen = next((choice for choice in choices if choice.issue is None), choices[0] if choices else nothing)
    return Standing(
        lineage=lineage,
        policy=policy,
        wanted=chosen.version,
        chain=chosen.chain,
        known=_known(versions, windows or {}),
        revoked=frozenset(version.sha256 for version in versions if version.sha256 and version.meta.get("revoked")),
        issue=chosen.issue,
        next_due=_next_due(chosen, lineage, policy, windows or {}),
        current=chosen.version is None or chosen.version.version == current,
    )


def _known(versions: Sequence[StoredVersion], windows: Mapping[str, hints.Window]) -> FrozenSet[str]:
    """What is ours: every version, and what an issuer that renews by itself has put in the place of one."""
    own = {version.sha256 for version in versions if version.sha256}
    asked = (windows.get(sha256) for sha256 in own)
    return frozenset(own | {one.successor for one in asked if isinstance(one, Foretold) and one.successor})


def _candidates(versions: Sequence[StoredVersion], current: Optional[str]) -> List[StoredVersion]:
    """The current version, then the ones after it that a run left behind, newest first; none that was rejected.

    The same order as the issue flow's: a current version that is good is the wanted one, also after it was made the current
    one again by hand. A standby that was taken is deployed by certops.clm.standby alone, which makes it the current one, and what
    was revoked by nobody.
    """
    usable = [version for version in versions if version.state in USABLE and version.chain_pem]
    newer = [one for one in usable if one.version > (current or "") and not one.meta.get("standby") and not one.meta.get("revoked")]
    return [version for version in usable if version.version == current] + newer[::-1]


def _chain(version: StoredVersion, pool: Pool) -> Tuple[Certificate, ...]:
    try:
        return chain_of(version.chain_pem, pool)
    except ClmError:
        return ()


def _choice(
    asked: Asked,
    lineage: Lineage,
    version: StoredVersion,
    versions: Sequence[StoredVersion],
    *,
    policy: Policy,
    now: datetime,
    accepted: Tuple[str, ...],
    windows: Mapping[str, hints.Window],
    pool: Pool,
) -> Choice:
    chain = _chain(version, pool)
    issuer = str(version.meta.get("issuer") or "")
    reason = reason_to_renew(
        asked,
        chain[0] if chain else None,
        policy=policy,
        now=now,
        issuer_identity=issuer if issuer in accepted else "".join(accepted[:1]),
        current_issuer=issuer,
        compromised=_compromised(lineage, version, versions),
        forced=lineage.forced if version.meta.get("forced", "") != lineage.forced else "",
        ari_window=windows.get(version.sha256),
    )
    return Choice(version, chain, reason)


def _next_due(chosen: Choice, lineage: Lineage, policy: Policy, windows: Mapping[str, hints.Window]) -> Optional[datetime]:
    leaf = chosen.chain[0] if chosen.chain else None
    return next_due(leaf, lineage.name, policy, windows.get(leaf.sha256)) if leaf is not None else None


def _compromised(lineage: Lineage, version: StoredVersion, versions: Sequence[StoredVersion]) -> bool:
    """True when the version, or another one with the same key, is declared compromised."""
    if not lineage.compromised:
        return False
    keys = {one.spki_sha256 for one in versions if one.sha256 in lineage.compromised}
    return version.sha256 in lineage.compromised or version.spki_sha256 in keys


def policies(manifest: Manifest, lineages: Sequence[Lineage]) -> Dict[str, Policy]:
    """The policy of every profile that the lineages use, each loaded once."""
    found: Dict[str, Policy] = {}
    for lineage in lineages:
        if lineage.profile not in found:
            found[lineage.profile] = manifest.policy_of(lineage)
    return found


def issuer_identities(manifest: Manifest, clock: Clock) -> Dict[str, str]:
    """The identity of each issuer that can tell it without help; one that cannot is left out, and not compared."""
    found: Dict[str, str] = {}
    for name, options in manifest.issuers.items():
        try:
            rest = {key: value for key, value in options.items() if key != "type"}
            found[name] = issuers.create(options["type"], rest, clock).identity()
        except (ClmError, OSError):
            continue
    return found
