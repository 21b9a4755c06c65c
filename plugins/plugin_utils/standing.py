# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a lineage stands: which version its deployments should serve, and whether a new one is to be issued. Reads, never writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, SecretStore, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.issuers import _index as issuers
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import Reason
from ansible_collections.certops.clm.plugins.module_utils.policy.policy import Policy
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.policy.renewal import next_due, reason_to_renew
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import split

USABLE = ("issued", "proven")


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
    is why a new one is to be issued; `known` has the SHA-256 of every version that the store knows; `first` is True while
    no other version than the wanted one was ever usable; `error` says why the store could not tell.
    """

    lineage: Lineage
    policy: Policy
    wanted: Optional[StoredVersion] = None
    chain: Tuple[Certificate, ...] = ()
    known: FrozenSet[str] = frozenset()
    first: bool = True
    issue: Optional[Reason] = None
    next_due: Optional[datetime] = None
    error: str = ""

    @property
    def sha256(self) -> str:
        """What is to be served, empty when there is nothing yet."""
        return self.chain[0].sha256 if self.chain else ""


def standing_of(
    manifest: Manifest, lineage: Lineage, store: SecretStore, now: datetime, policy: Policy, identity: str = ""
) -> Standing:
    """How the lineage stands now. `identity` is its issuer's, empty when it is not to be compared."""
    versions = store.versions(lineage.name)
    current = store.current(lineage.name)
    asked = Asked(lineage.name, lineage.names, manifest.profile_of(lineage))
    choices: List[Choice] = [
        _choice(asked, lineage, version, versions, policy=policy, now=now, identity=identity) for version in _candidates(versions, current)
    ]
    nothing = Choice(None, (), reason_to_renew(asked, None, policy=policy, now=now))
    chosen = next((choice for choice in choices if choice.issue is None), choices[0] if choices else nothing)
    return Standing(
        lineage=lineage,
        policy=policy,
        wanted=chosen.version,
        chain=chosen.chain,
        known=frozenset(version.sha256 for version in versions if version.sha256),
        first=sum(version.state in USABLE for version in versions) <= 1,
        issue=chosen.issue,
        next_due=next_due(chosen.chain[0], lineage.name, policy) if chosen.chain else None,
    )


def _candidates(versions: Sequence[StoredVersion], current: Optional[str]) -> List[StoredVersion]:
    """The current version, then the ones after it that a run left behind, newest first; none that was rejected.

    The same order as the issue flow's: a current version that is good is the wanted one, also after it was made the current
    one again by hand.
    """
    usable = [version for version in versions if version.state in USABLE and version.chain_pem]
    newer = [version for version in usable if version.version > (current or "")]
    return [version for version in usable if version.version == current] + newer[::-1]


def _chain(version: StoredVersion) -> Tuple[Certificate, ...]:
    try:
        return tuple(Certificate.parse(block.der) for block in split(version.chain_pem))
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
    identity: str,
) -> Choice:
    chain = _chain(version)
    reason = reason_to_renew(
        asked,
        chain[0] if chain else None,
        policy=policy,
        now=now,
        issuer_identity=identity,
        current_issuer=str(version.meta.get("issuer") or ""),
        compromised=_compromised(lineage, version, versions),
        forced=lineage.forced if version.meta.get("forced", "") != lineage.forced else "",
    )
    return Choice(version, chain, reason)


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
