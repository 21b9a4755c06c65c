# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the previous, or a named, version of a lineage the current one again: offline, no CA is asked.

Going back leaves a mark (`left_for` in the newer version's facts), so that going back twice goes back once, and a version
that somebody went back from is not taken for a previous one later.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..contracts import DROPPED, RETIRED, Clock, Lease, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, NotFoundError, known
from ..ledger import Recorder
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, Reason, failed
from ..secret_stores._not_durable import only_of
from ..x509.certificate import Certificate
from ._issue_values import facts, leaf_of
from .leasing import Holding, Pause, lease_of

STEP = "promote"
DEPLOY = "run certops.clm.rotate: until then its deployments serve what they serve now"


@dataclass(frozen=True)
class Wish:
    """One lineage; an empty `version` is the previous one, `forced` the reason to take a version that is refused otherwise.

    `dead` are SHA-256s of certificates that are revoked or whose key is compromised; with `reject` the version that is
    left is marked as rejected, so that no later run takes it again.
    """

    id: str
    lineage: str
    version: str = ""
    forced: str = ""
    reject: bool = False
    dead: Tuple[str, ...] = ()


@dataclass
class _Job:
    wish: Wish
    current: Optional[StoredVersion] = None
    target: Optional[StoredVersion] = None
    before: Dict[str, Any] = field(default_factory=dict)
    after: Dict[str, Any] = field(default_factory=dict)
    lease: Optional[Lease] = None
    outcome: Optional[Outcome] = None


def choose(
    wishes: Sequence[Wish],
    *,
    store: SecretStore,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    check_mode: bool = False,
    pause: Optional[Pause] = None,
) -> Dict[str, Outcome]:
    """One outcome for each wish by its id; an error is its own, and durable is what is `done`. `pause` waits for a lineage."""
    jobs = [_judged(store, wish, clock()) for wish in wishes]
    waiting = [job for job in jobs if job.outcome is None]
    for job in waiting if check_mode else ():
        job.outcome = Outcome(PLANNED, STEP, _reason(job), job.before, job.after, next_action=DEPLOY)
    if waiting and not check_mode:
        with Holding(store, clock) as held:
            _write(waiting, store, ledger, run_id, lambda job: _lease(job, store, held, pause, clock), held)
    return {job.wish.id: job.outcome for job in jobs if job.outcome is not None}


def _judged(store: SecretStore, wish: Wish, now: datetime) -> _Job:
    """The job with what is to be done, or with its outcome when nothing is."""
    job = _Job(wish)
    try:
        versions = store.versions(wish.lineage)
        current = store.current(wish.lineage)
        job.current = next((one for one in versions if one.version == current), None)
        job.before = known_facts(job.current)
        job.target = _target(wish, versions, current)
        if job.target.version == current:
            job.outcome = Outcome(UNCHANGED, STEP, None, job.before, job.before)
        else:
            job.after = facts(job.target, _usable(job.target, wish, now))
    except ClmError as error:
        job.outcome = failed(STEP, error, before=job.before)
    return job


def known_facts(version: Optional[StoredVersion]) -> Dict[str, Any]:
    """The version's public facts; no more than its id where its certificate cannot be read."""
    if version is None:
        return {}
    try:
        return facts(version, leaf_of(version))
    except ClmError:
        return {"version": version.version}


def _others(versions: Sequence[StoredVersion]) -> str:
    """The way on where no version offers itself: the newest that are kept, by name."""
    kept = ", ".join(version.version for version in versions[-5:])
    return f"issue a new one with certops.clm.rotate, or name one of what is kept (-e clm_version=ID of certops.clm.rollback): {kept}"


def _target(wish: Wish, versions: Sequence[StoredVersion], current: Optional[str]) -> StoredVersion:
    if not versions:
        hint = "look at its name, or issue it first: certops.clm.rotate"
        raise NotFoundError("the secret store has no version of it", hint=hint, field=wish.lineage)
    if wish.version:
        for version in versions:
            if version.version == wish.version:
                return version
        known = ", ".join(version.version for version in versions) or "none"
        raise NotFoundError(f"there is no version {wish.version} of {wish.lineage}", hint=f"versions: {known}", field=wish.lineage)
    if current is None:
        raise NotFoundError("it has no current version to go back from", hint=_others(versions), field=wish.lineage)
    here = next((one for one in versions if one.version == current), None)
    if here is not None and any(one.meta.get("left_for") == current for one in versions if one.version > current):
        return here
    good = [one for one in versions if one.version < current and _was_good(one)]
    if not good:
        raise NotFoundError(f"there is no good version before {current}", hint=_others(versions), field=wish.lineage)
    return good[-1]


def _was_good(version: StoredVersion) -> bool:
    """False also for a standby that was taken and never deployed: nobody has gone away from it."""
    untried = version.meta.get("standby") and version.state == "issued"
    return version.state in ("issued", "proven") and not untried and not version.meta.get("left_for")


def _usable(version: StoredVersion, wish: Wish, now: datetime) -> Certificate:
    """The version's leaf; ConfigError with every reason why it must not be served, unless it is forced."""
    if version.meta.get("malformed"):
        raise ConfigError(f"version {version.version} is damaged: {version.meta['malformed']}", field=wish.lineage)
    if version.state in (DROPPED, RETIRED):
        raise ConfigError(f"version {version.version} is {version.state}: it is never served again", field=wish.lineage)
    if not version.chain_pem:
        raise ConfigError(f"version {version.version} has no certificate yet", field=wish.lineage)
    leaf = leaf_of(version)
    findings: List[str] = []
    if leaf.not_after is None or leaf.not_after < now:
        findings.append(f"it expired at {leaf.not_after or 'a date that cannot be read'}")
    if leaf.not_before is None or leaf.not_before > now:
        findings.append(f"it is not valid before {leaf.not_before or 'a date that cannot be read'}")
    if version.meta.get("revoked"):
        findings.append("it was revoked")
    if version.state == "rejected":
        findings.append("it was rejected: it failed its proof")
    if version.sha256 in wish.dead:
        findings.append("it is revoked or its key is compromised")
    if findings and not wish.forced:
        text = f"version {version.version} is not put back: {'; '.join(findings)}"
        raise ConfigError(text, hint="issue a new one with certops.clm.rotate, or say in forced why this one is right", field=wish.lineage)
    return leaf


def _reason(job: _Job) -> Reason:
    target = known(job.target, "the version")
    why = f": {job.wish.forced}" if job.wish.forced else ""
    return Reason("forced", f"version {target.version} of {job.wish.lineage} was asked for{why}")


def _write(jobs: List[_Job], store: SecretStore, ledger: Recorder, run_id: str, lease: Callable[[_Job], None], held: Holding) -> None:
    """All leases, all intents durable, all versions, one flush, all outcomes.

    Leases are waited for while others are held, so everybody takes them in one order: else two runs would wait for each other.
    """
    try:
        _each(sorted(jobs, key=lambda job: job.wish.lineage), lease)
        leased = _open(jobs)
        if leased:
            ledger.append([_event("intent", job, run_id) for job in leased])
        _each(leased, lambda job: _promote(job, store))
        store.flush()
    except ClmError as error:
        only = only_of(error)
        for job in _open(jobs):
            if only is None or job.wish.lineage in only:
                job.outcome = failed(STEP, error, before=job.before)
    finally:
        for job in jobs:
            if job.lease is not None:
                held.end(job.lease)
    for job in _open(jobs):
        job.outcome = Outcome(DONE, STEP, _reason(job), job.before, job.after, next_action=DEPLOY)
    done = [job for job in jobs if job.lease is not None]
    try:
        ledger.append([_event("outcome", job, run_id) for job in done])
    except ClmError as error:
        for job in done:
            job.outcome = failed(STEP, error, before=job.before, after=job.after)


def _open(jobs: Sequence[_Job]) -> List[_Job]:
    return [job for job in jobs if job.outcome is None]


def _each(jobs: Sequence[_Job], act: Any) -> None:
    for job in _open(jobs):
        try:
            act(job)
        except ClmError as error:
            job.outcome = failed(STEP, error, before=job.before)


def _lease(job: _Job, store: SecretStore, held: Holding, pause: Optional[Pause], clock: Clock) -> None:
    """The lease, and the job judged again under it: whoever had the lineage may have dropped, revoked or rejected the version."""
    job.lease = held.add(lease_of(store, job.wish.lineage, job.before.get("version"), pause))
    again = _judged(store, replace(job.wish, version=known(job.target, "the version").version), clock())
    if again.outcome is not None:
        job.outcome = again.outcome
        return
    job.current, job.target, job.before, job.after = again.current, again.target, again.before, again.after


def _promote(job: _Job, store: SecretStore) -> None:
    wanted, lease, left = known(job.target, "the version"), known(job.lease, "the lease"), job.current
    target = wanted
    meta = {name: value for name, value in target.meta.items() if name != "left_for"}
    if target.state == "rejected":
        meta["forced"] = job.wish.forced
        target = replace(target, state="issued")
    if target.state != wanted.state or meta != wanted.meta:
        store.save(lease, replace(target, meta=meta))
    if left is not None and left.version > target.version and not left.meta.get("malformed"):
        state = "rejected" if job.wish.reject else left.state
        store.save(lease, replace(left, state=state, meta={**left.meta, "left_for": target.version}))
    store.promote(lease, target.version)


def _event(action: str, job: _Job, run_id: str) -> Dict[str, Any]:
    found: Mapping[str, Any] = {
        "action": action,
        "step": STEP,
        "run_id": run_id,
        "request_id": job.after["request_id"],
        "lineage": job.wish.lineage,
        "version": job.after["version"],
        "sha256": job.after["sha256"],
        "spki_sha256": job.after["spki_sha256"],
        "before_sha256": job.before.get("sha256", ""),
        "reason": "forced",
        "message": _reason(job).sentence,
    }
    if action == "outcome" and job.outcome is not None:
        return {**found, "state": job.outcome.state, "message": job.outcome.message or _reason(job).sentence}
    return dict(found)
