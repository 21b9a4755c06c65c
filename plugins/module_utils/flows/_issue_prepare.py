# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made before the CA is asked: a key, its request and the version that keeps both; or, in check mode, the plan of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Mapping, Tuple

from ..contracts import KeyRef, SecretStore, StoredVersion
from ..identifiers import is_next
from ..outcome import PLANNED, UNCHANGED, Outcome
from ..x509 import key as keys
from ..x509.certificate import rfc3339
from ..x509.request import build
from ..x509.request import parse as parse_request
from ._issue_lease import overtaken
from ._issue_row import By
from ._issue_values import STEP, Job, facts, leaf_of


def plan(job: Job, issuer: By, promote: bool, now: datetime) -> None:
    """What a real run would do, as the job's outcome."""
    if job.take and job.version is not None:
        after = facts(job.version, leaf_of(job.version))
        message = f"version {job.version.version} is issued already"
        job.outcome = Outcome(PLANNED if promote else UNCHANGED, STEP, job.reason, job.before, after, message)
        return
    profile = job.wanted.profile
    after = {
        "names": list(job.wanted.names),
        **({"not_after": rfc3339(profile.validity(now)[1])} if issuer.holder is None else {}),  # else it is the issuer's to say
        "profile": profile.name,
        "key_type": profile.key_type,
        "issuer": issuer.identity,
    }
    message = f"would go on with the request of version {job.version.version}" if job.version else "would ask for a new certificate"
    job.outcome = Outcome(PLANNED, STEP, job.reason, job.before, after, message)


def prepare(job: Job, store: SecretStore, issuer: By, run_id: str) -> None:
    """A new version saved with its key and request, if those are ours, where an earlier run left none; durable after the next flush."""
    if job.version is not None or job.lease is None:
        return
    wanted = job.wanted
    number = store.new_version(wanted.lineage)
    if not is_next(number, job.newest):
        raise overtaken(job)
    held = issuer.holder is not None
    key, csr, spki = (None, "", "") if held else _made_elsewhere(job) if wanted.csr_pem else _made_here(job, store)
    meta = _meta(job, issuer, f"{wanted.lineage}/{number}", run_id)
    store.save(job.lease, StoredVersion(wanted.lineage, number, "pending", spki, csr_pem=csr, key=key, meta=meta))
    job.fresh = True
    job.version = StoredVersion(wanted.lineage, number, "pending", spki, csr_pem=csr, meta=meta)


def _made_elsewhere(job: Job) -> Tuple[None, str, str]:
    return None, job.wanted.csr_pem, parse_request(job.wanted.csr_pem).spki_sha256


def _made_here(job: Job, store: SecretStore) -> Tuple[Any, str, str]:
    """Key, request and SPKI SHA-256; the key is the current one where it is wanted again."""
    wanted, current = job.wanted, job.current
    if (wanted.reuse_key or wanted.profile.reuse_key) and current is not None and _may_reuse(job):
        key = keys.load(store.key(KeyRef(store.identity(), wanted.lineage, current.version, current.spki_sha256)))
        job.reused = True
    else:
        key = keys.generate(wanted.profile.key_type)
    csr = build(key, wanted.names, wanted.names[0] if wanted.profile.common_name else None)
    return keys.to_pem(key), csr, parse_request(csr).spki_sha256


def _may_reuse(job: Job) -> bool:
    """A compromised key is never used again, and one of another type or made elsewhere cannot be."""
    word = job.reason.word if job.reason else ""
    meta = job.current.meta if job.current else {}
    same_type = meta.get("key_type", job.wanted.profile.key_type) == job.wanted.profile.key_type
    return word != "compromised" and same_type and meta.get("key_origin", "store") == "store"


def _meta(job: Job, issuer: By, request_id: str, run_id: str) -> Mapping[str, Any]:
    """What a later run has to know to go on with this version, and a person to understand it."""
    wanted = job.wanted
    meta: Dict[str, Any] = {
        "request_id": request_id,
        "issuer": issuer.identity,
        "names": list(wanted.names),
        "profile": wanted.profile.name,
        "key_type": wanted.profile.key_type,
        "lifetime": wanted.profile.lifetime,
        "usages": list(wanted.profile.usages),
        "key_origin": "host" if wanted.csr_pem else issuer.key_origin,
        "reason": job.reason.word if job.reason else "",
        "run_id": run_id,
    }
    if wanted.forced:
        meta["forced"] = wanted.forced
    if job.reused:
        meta["reuse_key"] = wanted.reuse_key or f"profile {wanted.profile.name}"
    return meta
