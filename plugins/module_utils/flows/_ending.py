# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cleanup and retire share: which issuer revokes a version, revoking it once, and the ledger's events of its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Dict, Mapping, Optional, Sequence

from ..contracts import Issuer, KeyRef, Revoker, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError
from ..issuers._powers import AccountHolder, KeyRevoker
from ..x509.certificate import Certificate, rfc3339
from ._issue_values import LABELS, leaf_of
from .leasing import Pause

KEY_COMPROMISE = "key_compromise"


class Revokers:
    """The issuers that may be asked to revoke, by what their identity says; one that cannot tell its own is left out."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._by_identity: Dict[str, Issuer] = {}
        self._store: Optional[SecretStore] = None
        for issuer in issuers:
            try:
                self._by_identity.setdefault(issuer.identity(), issuer)
            except (ClmError, OSError):
                continue

    def keep_in(self, store: SecretStore, pause: Optional[Pause]) -> None:
        """The issuers that need an account find it there; so do those that may be asked with the certificate's own key."""
        self._store = store
        for issuer in self._by_identity.values():
            if isinstance(issuer, AccountHolder):
                issuer.keep_in(store, pause)

    def revoke(self, version: StoredVersion, reason: str, now: datetime) -> Revocation:
        """Have it revoked by the issuer that gave it. ClmError when that issuer could, and did not."""
        if version.meta.get("revoked"):
            return Revocation(dict(version.meta["revoked"]), "")
        leaf = leaf_or_none(version)
        if leaf is None or not version.chain_pem:
            return Revocation({}, "it has no certificate")
        if leaf.not_after is not None and leaf.not_after <= now:
            return Revocation({}, f"its certificate expired at {rfc3339(leaf.not_after)}, so there is nothing to revoke")
        identity = str(version.meta.get("issuer") or "")
        issuer = self._by_identity.get(identity)
        if issuer is None:
            return Revocation({}, f"its certificate is not revoked: none of the manifest's issuers is {identity or 'the one that gave it'}")
        if not isinstance(issuer, Revoker):
            return Revocation({}, f"its certificate is not revoked: the issuer {identity} takes no revocations from here")
        try:
            issuer.revoke(version.chain_pem, reason)
        except ConfigError as error:
            self._by_own_key(issuer, version, reason, error)
        return Revocation({"reason": reason, "at": rfc3339(now), "by": identity}, "")

    def _by_own_key(self, issuer: Issuer, version: StoredVersion, reason: str, refused: ClmError) -> None:
        """The certificate's own key asks, where the CA takes that: an account that is lost hinders no revocation."""
        if not isinstance(issuer, KeyRevoker) or self._store is None:
            raise refused
        try:
            key = self._store.key(KeyRef(self._store.identity(), version.lineage, version.version, version.spki_sha256))
        except ClmError:
            raise refused from None
        issuer.revoke_by_key(version.chain_pem, reason, key)


class Revocation:
    """What came of it: `facts` for the version's meta, empty when it was not revoked; then `why_not` is one sentence."""

    def __init__(self, facts: Mapping[str, Any], why_not: str) -> None:
        self.facts, self.why_not = facts, why_not

    def marked(self, version: StoredVersion) -> StoredVersion:
        """The version with the revocation in its meta."""
        return replace(version, meta={**version.meta, "revoked": dict(self.facts)}) if self.facts else version


def leaf_or_none(version: StoredVersion) -> Optional[Certificate]:
    """The version's leaf; None where there is none that can be read."""
    try:
        return leaf_of(version) if version.chain_pem else None
    except ClmError:
        return None


def is_over(version: StoredVersion, now: datetime) -> bool:
    """True when its certificate has expired; False without a certificate, or with a date that cannot be read."""
    leaf = leaf_or_none(version)
    return leaf is not None and leaf.not_after is not None and leaf.not_after <= now


def public_facts(version: StoredVersion) -> Dict[str, Any]:
    """What outcomes say of a version: never more than public facts, and the same names as everywhere."""
    leaf = leaf_or_none(version)
    return {
        "version": version.version,
        "state": version.state,
        "sha256": version.sha256,
        "spki_sha256": version.spki_sha256,
        "not_after": rfc3339(leaf.not_after) if leaf is not None and leaf.not_after is not None else "",
    }


def event(
    action: str, step: str, version: StoredVersion, labels: Mapping[str, Any], run_id: str, reason: str, message: str = "", **more: Any
) -> Dict[str, Any]:
    """The ledger's event of one version's end."""
    return {
        "action": action,
        "step": step,
        "run_id": run_id,
        "lineage": version.lineage,
        "version": version.version,
        **({"request_id": version.meta["request_id"]} if version.meta.get("request_id") else {}),
        "sha256": version.sha256,
        "spki_sha256": version.spki_sha256,
        "reason": reason,
        "message": message,
        **{name: labels[name] for name in LABELS if labels.get(name)},
        **more,
    }
