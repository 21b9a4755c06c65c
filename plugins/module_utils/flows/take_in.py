# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes certificates that another manager issued into the secret store, each with its key, as a version of a lineage.

The first one becomes the current version. A later one of the same manager follows it while nothing of our own does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..contracts import Clock, Lease, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, known
from ..ledger import Recorder
from ..masking import Secret
from ..outcome import DEFERRED, DONE, PLANNED, UNCHANGED, Outcome, Reason, failed
from ..policy.profile import Profile
from ..secret_stores._not_durable import only_of
from ..x509 import key as keys
from ..x509.chain import Chain, is_signed_by
from ._issue_values import facts, leaf_of
from .clock import refuse_wrong_clock
from .leasing import Holding, Pause, lease_of

STEP, MARK = "import", "imported"
NEXT = "run certops.clm.rotate, which proves that it is served; then end the other manager's renewal"


@dataclass(frozen=True)
class Offer:
    """One certificate of another manager. `origin` says in words where it comes from, `issuer` is the identity of the CA."""

    lineage: str
    chain_pem: str
    origin: str
    issuer: str
    profile: Profile
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Job:
    offer: Offer
    chain: Optional[Chain] = None
    reason: Optional[Reason] = None
    before: Dict[str, Any] = field(default_factory=dict)
    after: Dict[str, Any] = field(default_factory=dict)
    current: str = ""
    number: str = ""
    key: Optional[Secret] = None
    lease: Optional[Lease] = None
    outcome: Optional[Outcome] = None


def judged(offers: Sequence[Offer], store: SecretStore) -> Dict[str, Outcome]:
    """What would become of each, by its lineage: `planned`, or why it is not taken. No key is needed for it."""
    jobs = [_judge(offer, store) for offer in offers]
    return {job.offer.lineage: job.outcome or Outcome(PLANNED, STEP, job.reason, job.before, job.after) for job in jobs}


def take_in(
    offers: Sequence[Offer],
    get_key: Callable[[str], Secret],
    *,
    store: SecretStore,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    pause: Optional[Pause] = None,
) -> Dict[str, Outcome]:
    """An outcome for each offer by its lineage; `get_key` gives the key of a lineage, or raises why it cannot. Durable is what is done."""
    jobs = [_judge(offer, store) for offer in offers]
    with Holding(store, clock) as held:
        try:
            _each(jobs, lambda job: _lease(job, store, held, pause))
            _each(jobs, lambda job: _prepare(job, store, get_key(job.offer.lineage)))
            _record(ledger, "intent", _open(jobs), run_id)
            _each(jobs, lambda job: _save(job, store, run_id))
            _flush(jobs, store)
            done = _open(jobs)
            for job in done:
                job.outcome = Outcome(DONE, STEP, job.reason, job.before, job.after, next_action=NEXT)
            _record(ledger, "outcome", done, run_id)
        finally:
            for job in jobs:
                if job.lease is not None:
                    held.end(job.lease)
    return {job.offer.lineage: known(job.outcome, "the outcome") for job in jobs}


def _judge(offer: Offer, store: SecretStore) -> _Job:
    job = _Job(offer)
    try:
        job.chain = Chain.parse(offer.chain_pem)
        leaf, versions = job.chain.leaf, store.versions(offer.lineage)
        job.current = store.current(offer.lineage) or ""
        current = next((one for one in versions if one.version == job.current), None)
        job.before = facts(current, leaf_of(current)) if current is not None else {}
        same = next((one for one in versions if one.sha256 == leaf.sha256), None)
        number = same.version if same is not None else ""
        seen = StoredVersion(offer.lineage, number, "issued", leaf.spki_sha256, leaf.sha256, meta={"issuer": offer.issuer})
        job.after = facts(seen, leaf)
        if same is not None and _left_over(same, job.current):
            job.number = same.version
            job.reason = Reason("missing", f"an earlier run died before version {same.version} became the current one")
        elif same is not None:
            job.outcome = Outcome(UNCHANGED, STEP, None, job.before, job.after, message=f"the store has it as version {same.version}")
        elif versions and (current is None or not current.meta.get(MARK) or not _is_newer(job, current)):
            said = f"what {offer.origin} has is not taken in, for the store has versions of its own: SHA-256 {leaf.sha256[:16]}..."
            job.outcome = Outcome(DEFERRED, STEP, None, job.before, message=said, next_action="end the other manager's renewal there")
        else:
            word = "what it renewed meanwhile" if versions else "its certificate and key"
            job.reason = Reason("missing", f"{offer.origin} has {word}, SHA-256 {leaf.sha256[:16]}..., and the store does not")
    except ClmError as error:
        job.outcome = failed(STEP, error, before=job.before)
    return job


def _left_over(version: StoredVersion, current: str) -> bool:
    """Whether a run that was killed saved it; one that somebody went back from is none."""
    return version.state == "issued" and bool(version.meta.get(MARK)) and "left_for" not in version.meta and version.version > current


def _is_newer(job: _Job, current: StoredVersion) -> bool:
    ours, theirs = leaf_of(current).not_before, known(job.chain, "the chain").leaf.not_before
    return ours is not None and theirs is not None and theirs > ours


def _lease(job: _Job, store: SecretStore, held: Holding, pause: Optional[Pause]) -> None:
    refuse_wrong_clock(store)
    job.lease = held.add(lease_of(store, job.offer.lineage, job.current or None, pause))


def _prepare(job: _Job, store: SecretStore, pem: Secret) -> None:
    """The key as the store keeps keys, which belongs to the leaf, and a chain whose signatures are right."""
    chain = known(job.chain, "the chain")
    key = keys.load(pem)
    if keys.spki_sha256(key) != chain.leaf.spki_sha256:
        raise ConfigError("the key does not belong to the certificate", hint="it may have been renewed in this moment: run again")
    for below, above in zip(chain.certificates, chain.certificates[1:]):
        if not is_signed_by(below, above):
            raise ConfigError(f"{below.subject!r} is not signed by {above.subject!r}, which stands behind it in the file")
    job.key = keys.to_pem(key)
    job.number = job.number or store.new_version(job.offer.lineage)
    job.after = {**job.after, "version": job.number, "request_id": f"{job.offer.lineage}/{job.number}"}


def _save(job: _Job, store: SecretStore, run_id: str) -> None:
    offer, chain, lease = job.offer, known(job.chain, "the chain"), known(job.lease, "the lease")
    meta = {
        "request_id": job.after["request_id"],
        "issuer": offer.issuer,
        "names": list(chain.leaf.names),
        "profile": offer.profile.name,
        "key_type": chain.leaf.key_type,
        "usages": list(offer.profile.usages),
        "key_origin": "store",
        "reason": "missing",
        "run_id": run_id,
        MARK: offer.origin,
    }
    text = chain.leaf.pem + "".join(one.pem for one in chain.intermediates)
    version = StoredVersion(offer.lineage, job.number, "issued", chain.leaf.spki_sha256, chain.sha256, text, key=job.key, meta=meta)
    store.save(lease, version)
    store.promote(lease, job.number)


def _flush(jobs: Sequence[_Job], store: SecretStore) -> None:
    try:
        store.flush()
    except ClmError as error:
        only = only_of(error)
        for job in _open(jobs):
            if only is None or job.offer.lineage in only:
                job.outcome = failed(STEP, error, before=job.before)


def _record(ledger: Recorder, action: str, jobs: Sequence[_Job], run_id: str) -> None:
    """Durable in the ledger on return; an error ends the way of every job."""
    try:
        if jobs:
            ledger.append([_event(action, job, run_id) for job in jobs])
    except ClmError as error:
        for job in jobs:
            said = "it is in the store, but not recorded: " if job.outcome is not None else "nothing was taken in: "
            problem = ClmError(said + error.message, hint=error.hint, runbook="ledger")
            job.outcome = failed(STEP, problem, before=job.before, after=job.after)


def _event(action: str, job: _Job, run_id: str) -> Dict[str, Any]:
    after, reason = job.after, known(job.reason, "the reason")
    found: Dict[str, Any] = {
        **{name: value for name, value in job.offer.labels.items() if value},
        **{name: after[name] for name in ("request_id", "version", "sha256", "spki_sha256")},
        "action": action,
        "step": STEP,
        "run_id": run_id,
        "lineage": job.offer.lineage,
        "before_sha256": job.before.get("sha256", ""),
        "reason": reason.word,
        "message": reason.sentence,
    }
    return {**found, "state": job.outcome.state} if job.outcome is not None else found


def _open(jobs: Sequence[_Job]) -> List[_Job]:
    return [job for job in jobs if job.outcome is None]


def _each(jobs: Sequence[_Job], act: Callable[[_Job], None]) -> None:
    for job in _open(jobs):
        try:
            act(job)
        except ClmError as error:
            job.outcome = failed(STEP, error, reason=job.reason, before=job.before)
