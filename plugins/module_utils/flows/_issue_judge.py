# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done for one wanted item: nothing, take what an earlier run left, go on with it, or make a new version."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, FrozenSet, Mapping, Optional, Tuple, Union

from ..contracts import DROPPED, RETIRED, SecretStore, StoredVersion
from ..errors import ConfigError, PolicyError, about
from ..outcome import UNCHANGED, Outcome, Reason
from ..policy.policy import check_request
from ..policy.renewal import reason_to_renew
from ..x509.certificate import Certificate
from ..x509.names import check_names
from ..x509.request import parse as parse_request
from ._issue_ask import request_of
from ._issue_later import put_off
from ._issue_recorded import unsaid
from ._issue_row import By
from ._issue_values import STEP, Job, Wanted, facts, leaf_of


def judge(job: Job, store: SecretStore, issuer: By, now: datetime) -> None:
    """Fill the job: its outcome when nothing is to be done, else its reason and the version to go on with.

    ClmError when what is asked for is wrong or against policy; nothing was written then, and no CA was asked.
    """
    names = check_names(job.wanted.names, "names")
    if names != job.wanted.names:
        job.wanted = replace(job.wanted, names=names)
    key = _requested_key(job, issuer)
    with about("store"):
        job.current = store.load(job.wanted.lineage)
    _refuse_retired(job.current)
    leaf = _current_leaf(job)
    job.dead_keys = _dead_keys(job, store)
    if key in job.dead_keys:
        raise ConfigError("the request is for a key that is declared compromised", field="csr_pem", hint="make a new key for it")
    job.reason = _reason(job, leaf, issuer, key, now)
    if job.reason is None:
        job.outcome = Outcome(UNCHANGED, STEP, before=job.before, after=job.before)
        return
    job.version, job.take = _left_over(job, store, issuer, key, now)
    job.outcome = put_off(job, now)
    if job.version is None:
        findings = check_request(job.policy, job.wanted.profile, job.wanted.names, now, job.wanted.labels)
        if findings:
            raise PolicyError(findings, hint="change the request or the profile; the policy's source is in its preset")
        if issuer.holder is not None:
            issuer.holder.check(request_of(job, issuer.identity))


def _requested_key(job: Job, issuer: By) -> str:
    """The SPKI SHA-256 of the key that was made elsewhere, empty when the key is made here, or by the issuer."""
    if issuer.holder is not None:
        _refuse_own_key(job.wanted)
    if not job.wanted.csr_pem:
        return ""
    request = parse_request(job.wanted.csr_pem)
    if not request.signature_ok:
        raise ConfigError("the request is not signed by its own key", field="csr_pem")
    if set(request.names) != set(job.wanted.names):
        raise ConfigError("the request is for other names than the lineage", field="csr_pem")
    if request.key_type != job.wanted.profile.key_type:
        raise ConfigError(f"the request's key is {request.key_type}, the profile wants {job.wanted.profile.key_type}", field="csr_pem")
    return request.spki_sha256


def _refuse_own_key(wanted: Wanted) -> None:
    """ConfigError where somebody wants to say which key it is to be, and the issuer makes and keeps every key itself."""
    for field, given in (("csr_pem", wanted.csr_pem), ("reuse_key", wanted.reuse_key or wanted.profile.reuse_key)):
        if given:
            hint = f"leave {field} out, or take an issuer that is given requests"
            raise ConfigError("this issuer makes every key itself, and it never leaves it", field=field, hint=hint)


def _refuse_retired(version: Optional[StoredVersion]) -> None:
    """A lineage that was ended is never silently issued again."""
    if version is not None and version.state == RETIRED:
        raise ConfigError(
            f"the lineage {version.lineage} was retired, so it is not issued again",
            hint="take it out of the manifest, or run certops.clm.retire with -e clm_retire=lifted to use the name again",
        )


def _dead_keys(job: Job, store: SecretStore) -> FrozenSet[str]:
    """The SPKI SHA-256 of keys that are compromised: one certificate of several with the same key is enough."""
    wanted = job.wanted
    if not isinstance(wanted.compromised, tuple):
        return frozenset([job.current.spki_sha256] if wanted.compromised and job.current else [])
    if not wanted.compromised:
        return frozenset()
    with about("store"):
        return frozenset(one.spki_sha256 for one in store.versions(wanted.lineage) if one.sha256 in wanted.compromised)


def _current_leaf(job: Job) -> Optional[Certificate]:
    if job.current is None or not job.current.chain_pem:
        return None
    leaf = leaf_of(job.current)
    job.before = facts(job.current, leaf)
    return leaf


def _reason(job: Job, leaf: Optional[Certificate], issuer: By, key: str, now: datetime) -> Optional[Reason]:
    wanted, current = job.wanted, job.current
    if current is None or leaf is None:
        return Reason("missing", f"{wanted.lineage} has no certificate yet")
    if current.state in ("rejected", DROPPED):
        return Reason("missing", f"the current version {current.version} of {wanted.lineage} was rejected")
    given = str(current.meta.get("issuer", ""))
    return reason_to_renew(
        wanted,
        leaf,
        policy=job.policy,
        now=now,
        issuer_identity=issuer.expected(wanted.lineage, given),
        current_issuer=given,
        spki_sha256=key,
        revoked=_says(wanted.revoked, current.sha256) or bool(current.meta.get("revoked")),
        compromised=_says(wanted.compromised, current.sha256) or current.spki_sha256 in job.dead_keys,
        forced="" if current.meta.get("forced") == wanted.forced else wanted.forced,
        ari_window=wanted.hints.get(current.sha256),
    )


def _says(what: Union[bool, Tuple[str, ...]], sha256: str) -> bool:
    return what if isinstance(what, bool) else sha256 in what


def _left_over(job: Job, store: SecretStore, issuer: By, key: str, now: datetime) -> Tuple[Optional[StoredVersion], bool]:
    """The newest version after the current one that still fits, and whether it is issued; None when there is none.

    A standby that was taken is none that a run left behind: only certops.clm.standby deploys it.
    """
    newest = job.current.version if job.current else ""
    with about("store"):
        versions = store.versions(job.wanted.lineage)
    job.newest = versions[-1].version if versions else ""
    for version in reversed(versions):
        if version.version <= newest:
            break
        _refuse_retired(version)
        if version.meta.get("standby"):
            continue
        if version.meta.get("revoked") or version.spki_sha256 in job.dead_keys:
            job.passed_over += (version,) if unsaid(version) else ()
            continue
        if version.state == "pending" and _fits_pending(version, job, issuer, key):
            return version, False
        if version.state in ("issued", "proven") and _fits_issued(version, job, issuer, key, now):
            return version, True
        if unsaid(version):
            job.passed_over += (version,)
    return None, False


def _fits_pending(version: StoredVersion, job: Job, issuer: By, key: str) -> bool:
    meta: Mapping[str, Any] = version.meta
    wanted = job.wanted
    same = meta.get("names") == list(wanted.names) and meta.get("key_type") == wanted.profile.key_type
    asked = (
        meta.get("issuer") == issuer.identity
        and meta.get("lifetime") == wanted.profile.lifetime
        and meta.get("usages") == list(wanted.profile.usages)
    )
    forced = not wanted.forced or meta.get("forced") == wanted.forced or (job.reason is not None and job.reason.word != "forced")
    request = bool(version.csr_pem) or issuer.holder is not None
    return same and asked and forced and request and key in ("", version.spki_sha256) and _own_key(version, key, issuer)


def _own_key(version: StoredVersion, key: str, issuer: By) -> bool:
    """A key made elsewhere is not here: without its request again, its version cannot be gone on with."""
    return bool(key) or version.meta.get("key_origin") == issuer.key_origin


def _fits_issued(version: StoredVersion, job: Job, issuer: By, key: str, now: datetime) -> bool:
    wanted = job.wanted
    if isinstance(wanted.revoked, tuple) and version.sha256 in wanted.revoked:
        return False
    if not _own_key(version, key, issuer):
        return False
    force = job.reason is not None and job.reason.word == "forced" and version.meta.get("forced") != wanted.forced
    given = str(version.meta.get("issuer", ""))
    reason = reason_to_renew(
        wanted,
        leaf_of(version),
        policy=job.policy,
        now=now,
        issuer_identity=issuer.expected(wanted.lineage, given),
        current_issuer=given,
        spki_sha256=key,
        forced=wanted.forced if force else "",
        ari_window=wanted.hints.get(version.sha256),
    )
    return reason is None
