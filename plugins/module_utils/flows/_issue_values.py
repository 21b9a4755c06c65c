# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the issue flow works with: one wanted item, the job it becomes, and the facts that leave the flow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple, Union

from ..contracts import Busy, Lease, StoredVersion
from ..errors import ClmError
from ..outcome import Outcome, Reason
from ..policy.policy import Policy
from ..policy.profile import Profile
from ..x509.certificate import Certificate, rfc3339

STEP = "issue"
LABELS = ("owner", "service", "environment", "criticality", "runbook", "consumers")


@dataclass(frozen=True)
class Wanted:
    """One certificate that is wanted; `id` is the caller's key for its outcome, `names` are canonical or refused.

    `forced` is a token: a version that was made for it satisfies it. `csr_pem` is set where the key was made elsewhere,
    `reuse_key` is the reason for taking the current version's key again. `revoked` and `compromised`: True means the current
    version is; a tuple of SHA-256 names the certificates that are. `hints` has the window in which the issuer wants a certificate
    renewed, by its SHA-256. `published` is what the caller says of proofs that an earlier call handed out (`IssueRequest`).
    """

    id: str
    lineage: str
    names: Tuple[str, ...]
    profile: Profile
    labels: Mapping[str, Any] = field(default_factory=dict)
    forced: str = ""
    csr_pem: str = ""
    reuse_key: str = ""
    revoked: Union[bool, Tuple[str, ...]] = False
    compromised: Union[bool, Tuple[str, ...]] = False
    hints: Mapping[str, Tuple[datetime, datetime]] = field(default_factory=dict)
    published: Mapping[str, Optional[ClmError]] = field(default_factory=dict)


@dataclass
class Job:
    """One item on its way through the flow. `outcome` set means the way has ended.

    `version` is what is worked on: new (`fresh`), left pending by an earlier run, or issued and not yet promoted (`take`);
    `newest` is the newest version that was there when it was judged; `busy` says that somebody else works on the lineage;
    `dead_keys` are SPKI SHA-256s that no certificate may be issued for or taken with; `go_on` says that the issuer is asked again
    in this run; `passed_over` are issued versions that this way leaves behind, and whose outcome may be in no ledger.
    """

    wanted: Wanted
    policy: Policy
    outcome: Optional[Outcome] = None
    reason: Optional[Reason] = None
    current: Optional[StoredVersion] = None
    before: Mapping[str, Any] = field(default_factory=dict)
    version: Optional[StoredVersion] = None
    take: bool = False
    fresh: bool = False
    reused: bool = False
    lease: Optional[Lease] = None
    newest: str = ""
    busy: Optional[Busy] = None
    dead_keys: FrozenSet[str] = frozenset()
    go_on: bool = False
    passed_over: Tuple[StoredVersion, ...] = ()

    @property
    def request_id(self) -> str:
        """The idempotency token: the same for every try with this version's key."""
        version = self.version.version if self.version else ""
        return f"{self.wanted.lineage}/{version}"


def leaf_of(version: StoredVersion) -> Certificate:
    """The leaf of a stored version; MalformedError when its chain is no PEM."""
    end = version.chain_pem.find("-----END CERTIFICATE-----")
    return Certificate.from_pem(version.chain_pem[: end + 25] + "\n" if end >= 0 else version.chain_pem)


def facts(version: StoredVersion, leaf: Certificate) -> Dict[str, Any]:
    """The public facts of a version, as outcomes carry them."""
    return {
        "version": version.version,
        "sha256": version.sha256,
        "spki_sha256": version.spki_sha256,
        "not_before": rfc3339(leaf.not_before) if leaf.not_before else "",
        "not_after": rfc3339(leaf.not_after) if leaf.not_after else "",
        "names": list(leaf.names),
        "issuer": version.meta.get("issuer", ""),
        "request_id": version.meta.get("request_id", ""),
    }


def event(action: str, job: Job, run_id: str) -> Dict[str, Any]:
    """The ledger's event of a job: public facts and the lineage's labels."""
    version, wanted = job.version, job.wanted
    found: Dict[str, Any] = {
        "action": action,
        "step": STEP,
        "run_id": run_id,
        "lineage": wanted.lineage,
        "before_sha256": job.current.sha256 if job.current else "",
        "reason": job.reason.word if job.reason else "",
        **{name: wanted.labels[name] for name in LABELS if wanted.labels.get(name)},
    }
    if version is not None:
        found.update(request_id=job.request_id, version=version.version, sha256=version.sha256, spki_sha256=version.spki_sha256)
    if action == "intent" and job.reused:
        found["message"] = f"the key is used again: {wanted.reuse_key or 'the profile says so'}"
    if action == "outcome" and job.outcome is not None:
        found.update(state=job.outcome.state, message=job.outcome.message)
    return found
