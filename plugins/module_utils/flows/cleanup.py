# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cleanup flow: versions that nobody wants and nothing serves are revoked, and their keys destroyed; the record stays.

Whoever calls it has looked everywhere. For a group of lineages: leases; intents in the ledger; revoke, then drop each, so that a
key that is gone was revoked before; outcomes in the ledger. Killed anywhere, the next run does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ..contracts import DROPPED, RETIRED, Clock, Lease, SecretStore, StoredVersion
from ..errors import BusyError, ClmError, ConfigError, known
from ..ledger import Recorder
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, Reason, failed
from ..secret_stores._powers import VersionDropper
from ..x509.certificate import rfc3339
from ._cleanup_dates import Dates
from ._cleanup_judge import IN_USE, LEAST, LEFT_OVER, Verdict, judge
from ._ending import KEY_COMPROMISE, Revocation, Revokers, event, public_facts
from .leasing import NEXT, Holding, Pause, lease_of

STEP = "cleanup"
GROUP = 100  # lineages whose leases are held at once: revoking takes time, and a lease ends
AGAIN = "mend that, then run certops.clm.cleanup again"


@dataclass(frozen=True)
class Tidied:
    """One lineage: the ids of versions that are wanted beside the current one, its labels, and what is compromised (SHA-256)."""

    lineage: str
    wanted: FrozenSet[str] = frozenset()
    labels: Mapping[str, Any] = field(default_factory=dict)
    compromised: FrozenSet[str] = frozenset()


@dataclass
class _Job:
    tidied: Tidied
    current: Optional[str]
    versions: Sequence[StoredVersion]
    verdicts: List[Verdict]
    half: Sequence[StoredVersion]  # dropped already by a run that was killed before the key was gone
    lease: Optional[Lease] = None

    @property
    def drops(self) -> List[Tuple[StoredVersion, Reason]]:
        """Everything that goes, with the reason."""
        halves = [(one, Reason(LEFT_OVER, "an earlier run was stopped before its key was gone")) for one in self.half]
        return halves + [(one.version, one.reason) for one in self.verdicts if one.drop]

    def revocation(self, version: StoredVersion) -> str:
        """The reason to revoke it for."""
        keys = {one.spki_sha256 for one in self.versions if one.sha256 in self.tidied.compromised}
        return KEY_COMPROMISE if version.sha256 in self.tidied.compromised or version.spki_sha256 in keys else "superseded"


def clean(
    lineages: Sequence[Tidied],
    *,
    store: SecretStore,
    revokers: Revokers,
    in_use: Mapping[str, str],
    dates: Dates,
    retention: timedelta,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    check_mode: bool = False,
    pause: Optional[Pause] = None,
) -> Dict[str, Outcome]:
    """One outcome for each version that nobody wants, by `lineage/version`, also for those that stay, with the reason."""
    if retention < LEAST:
        raise ConfigError("what was replaced stays restorable for at least 7 days", field="retention")
    if not isinstance(store, VersionDropper):
        raise ConfigError(f"the secret store {store.identity()} cannot drop versions", hint="drop them with its own means")
    outcomes: Dict[str, Outcome] = {}
    jobs: List[_Job] = []
    for tidied in lineages:
        try:
            jobs.append(_job(tidied, store, in_use, dates, retention, clock()))
        except ClmError as error:
            outcomes[tidied.lineage] = failed(STEP, error)
    _keep_shared(jobs, store)
    for job in jobs:
        outcomes.update(_kept(job))
    busy = sorted((job for job in jobs if job.drops), key=lambda job: job.tidied.lineage)  # one order for all: some are waited for
    for start in range(0, len(busy), GROUP):
        group = busy[start : start + GROUP]
        flow = _Flow(store, store, revokers, ledger, clock, run_id, pause)
        outcomes.update(_planned(group) if check_mode else flow.run(group))
    return outcomes


def _keep_shared(jobs: Sequence[_Job], store: SecretStore) -> None:
    """A standby and the version that was made of it are one certificate: while one of them stays, the other is not revoked."""
    dropped = {_id(version) for job in jobs for version, _reason in job.drops}
    stays: Dict[str, str] = {}
    for name in store.lineages():
        for one in store.versions(name):
            if one.sha256 and one.state not in (DROPPED, RETIRED) and _id(one) not in dropped:
                stays.setdefault(one.sha256, _id(one))
    for job in jobs:
        for number, verdict in enumerate(job.verdicts):
            if verdict.drop and verdict.version.sha256 in stays:
                why = Reason(IN_USE, f"its certificate is also {stays[verdict.version.sha256]}, which stays")
                job.verdicts[number] = Verdict(verdict.version, False, why)


def facts_of(outcomes: Mapping[str, Outcome]) -> Dict[str, Any]:
    """Counts by what was done or why it stayed, and the next date at which something can be dropped, empty when none is known."""
    counts: Dict[str, int] = {}
    for outcome in outcomes.values():
        word = outcome.reason.word if outcome.state == UNCHANGED and outcome.reason else outcome.state
        counts[word] = counts.get(word, 0) + 1
    dates = sorted(str(outcome.after["free_at"]) for outcome in outcomes.values() if outcome.after.get("free_at"))
    return {"counts": counts, "next": dates[0] if dates else ""}


def _job(tidied: Tidied, store: SecretStore, in_use: Mapping[str, str], dates: Dates, retention: timedelta, now: datetime) -> _Job:
    versions, current = store.versions(tidied.lineage), store.current(tidied.lineage)
    verdicts = judge(versions, current, tidied.wanted, in_use=in_use, dates=dates, retention=retention, now=now)
    half = [
        one
        for one in versions
        if one.state == DROPPED and isinstance(store, VersionDropper) and store.holds_key(tidied.lineage, one.version)
    ]
    return _Job(tidied, current, versions, list(verdicts), half)


def _id(version: StoredVersion) -> str:
    return f"{version.lineage}/{version.version}"


def _kept(job: _Job) -> Dict[str, Outcome]:
    kept: Dict[str, Outcome] = {}
    for verdict in job.verdicts:
        if not verdict.drop:
            here = public_facts(verdict.version)
            after = {**here, "free_at": rfc3339(verdict.free_at)} if verdict.free_at else here
            message = f"{_id(verdict.version)} is kept: {verdict.reason.sentence}"
            kept[_id(verdict.version)] = Outcome(UNCHANGED, STEP, verdict.reason, here, after, message)
    return kept


def _planned(jobs: Sequence[_Job]) -> Dict[str, Outcome]:
    planned: Dict[str, Outcome] = {}
    for job in jobs:
        for version, reason in job.drops:
            after = {**public_facts(version), "state": DROPPED}
            message = f"{_id(version)} would be revoked as {job.revocation(version)} where it is valid, and dropped: {reason.sentence}"
            planned[_id(version)] = Outcome(PLANNED, STEP, reason, public_facts(version), after, message)
    return planned


class _Flow:
    """One group of lineages that have something to drop."""

    def __init__(
        self,
        store: SecretStore,
        dropper: VersionDropper,
        revokers: Revokers,
        ledger: Recorder,
        clock: Clock,
        run_id: str,
        pause: Optional[Pause],
    ) -> None:
        self._store, self._dropper, self._revokers = store, dropper, revokers
        self._ledger, self._clock, self._run_id = ledger, clock, run_id
        self._pause = pause
        revokers.keep_in(store, pause)
        self._outcomes: Dict[str, Outcome] = {}

    def run(self, jobs: Sequence[_Job]) -> Dict[str, Outcome]:
        """Every version to its end; leases are given back whatever happens."""
        with Holding(self._store, self._clock) as held:
            self._run(jobs, held)
        return self._outcomes

    def _run(self, jobs: Sequence[_Job], held: Holding) -> None:
        try:
            leased = [job for job in jobs if self._leased(job, held)]
            if leased and self._record("intent", leased):
                for job in leased:
                    self._drop_all(job)
                self._record("outcome", leased)
        finally:
            for job in jobs:
                if job.lease is not None:
                    held.end(job.lease)

    def _leased(self, job: _Job, held: Holding) -> bool:
        try:
            job.lease = held.add(lease_of(self._store, job.tidied.lineage, job.current, self._pause))
            states = {one.version: one.state for one in self._store.versions(job.tidied.lineage)}
            if any(states.get(version.version) != version.state for version, _reason in job.drops):
                raise BusyError(f"another run has worked on {job.tidied.lineage} since it was judged", hint=NEXT)
            return True
        except ClmError as error:
            self._fail(job, error)
            return False

    def _fail(self, job: _Job, error: ClmError) -> None:
        for version, _reason in job.drops:
            self._outcomes[_id(version)] = _failure(version, error)

    def _drop_all(self, job: _Job) -> None:
        for version, reason in job.drops:
            try:
                self._outcomes[_id(version)] = self._drop(job, version, reason)
            except ClmError as error:
                self._outcomes[_id(version)] = _failure(version, error)

    def _drop(self, job: _Job, version: StoredVersion, reason: Reason) -> Outcome:
        now = self._clock()
        revocation = self._revokers.revoke(version, job.revocation(version), now)
        mark = {"at": rfc3339(now), "run_id": self._run_id, "why": reason.sentence}
        marked = revocation.marked(version)
        gone = replace(marked, state=DROPPED, meta={**marked.meta, "dropped": version.meta.get("dropped") or mark})
        self._dropper.drop(known(job.lease, "the lease"), gone)
        if self._dropper.holds_key(version.lineage, version.version):
            raise ClmError("its key is still there after it was dropped", hint=AGAIN)
        message = f"{_id(version)} is dropped: {reason.sentence}. {_said(revocation)}"
        after = {**public_facts(gone), "revoked": revocation.facts.get("reason", "")}
        return Outcome(DONE, STEP, reason, public_facts(version), after, message)

    def _record(self, action: str, jobs: Sequence[_Job]) -> bool:
        """True when it is durable in the ledger; else every version has failed, and is said to be dropped where it is."""
        events = []
        for job in jobs:
            for version, reason in job.drops:
                outcome = self._outcomes.get(_id(version))
                more = {"state": outcome.state} if outcome else {}
                text = outcome.message if outcome else f"revoke as {job.revocation(version)} while valid, and drop: {reason.sentence}"
                events.append(event(action, STEP, version, job.tidied.labels, self._run_id, reason.word, text, **more))
        try:
            self._ledger.append(events)
            return True
        except ClmError as error:
            for job in jobs:
                for version, _reason in job.drops:
                    before = self._outcomes.get(_id(version))
                    said = f"it is {before.state}, but not recorded: " if before else "nothing was dropped: "
                    self._outcomes[_id(version)] = _failure(version, ClmError(said + error.message, hint=error.hint))
            return False


def _failure(version: StoredVersion, error: ClmError) -> Outcome:
    problem = ClmError(f"{_id(version)}: {error.message}", hint=error.hint or AGAIN, field=error.field)
    return failed(STEP, problem, before=public_facts(version))


def _said(revocation: Revocation) -> str:
    facts = revocation.facts
    text = f"Revoked as {facts['reason']} at {facts['at']}" if facts else revocation.why_not[:1].upper() + revocation.why_not[1:]
    return f"{text}. Its key is destroyed in the secret store; copies in backups are not"
