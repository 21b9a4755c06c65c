# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issue flow: what is wanted becomes current certificates, each with its reason and its outcome.

For a group: judge all; all keys durable by one flush; intents in the ledger; all requests; all certificates durable by one
flush; outcomes in the ledger; only then they become the current ones. A run that is killed anywhere is resumed by the next
one, with the same keys: what is not current yet is taken up and recorded, so that no certificate stays without its outcome.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from ..contracts import Answer, Clock, Issuer, Lease, Pending, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, NotFoundError, about, known
from ..issuers._powers import AccountHolder
from ..ledger import Recorder
from ..outcome import DONE, FAILED, PENDING, UNCHANGED, Outcome, failed
from ..policy.policy import Policy
from ..secret_stores._not_durable import only_of
from ..x509._show import quiet
from ..x509.certificate import rfc3339
from ._issue_ask import Asker, ref_of
from ._issue_check import Checker
from ._issue_handed import HANDED, handed_out, left_behind
from ._issue_judge import judge
from ._issue_later import later
from ._issue_lease import anew, take_lease
from ._issue_prepare import plan, prepare
from ._issue_recorded import gone_without, issued, mark, promote, unrecorded
from ._issue_row import By
from ._issue_values import STEP, Job, Wanted, event, facts, leaf_of
from .clock import refuse_wrong_clock
from .leasing import Holding, Pause

__all__ = ["Wanted", "converge"]
ROUNDS = 4  # how often an issuer may say in one run that it goes on at once


def converge(
    wanted: Sequence[Wanted],
    *,
    store: SecretStore,
    issuer: Issuer,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    policy: Optional[Policy] = None,
    check_mode: bool = False,
    promote: bool = True,
    pause: Optional[Pause] = None,
) -> Dict[str, Outcome]:
    """One outcome for each item, by its id, in the order given. `policy` None: each item's is the one its profile names.

    `promote` False leaves the new version beside the current one; the next call takes it as it is. `pause` waits where
    somebody else works on a lineage, which is then judged anew; None: such an item fails at once.
    """
    flow = _Flow(store, issuer, ledger, clock, run_id, promote, check_mode)
    if isinstance(issuer, AccountHolder):
        issuer.keep_in(store, pause)
    jobs = _jobs(wanted, policy)

    def judge_all() -> None:
        now = clock()
        _each(jobs, about("refused")(lambda job: judge(job, store, flow.by, now)))

    with quiet:
        judge_all()
        if check_mode:
            _each(jobs, lambda job: plan(job, flow.by, promote, clock()))
        else:
            flow.run(_open(jobs))
            for _again in anew(jobs, pause):
                judge_all()
                flow.run(_open(jobs))
    return {job.wanted.id: job.outcome or Outcome(UNCHANGED, STEP) for job in jobs}


def _jobs(wanted: Sequence[Wanted], policy: Optional[Policy]) -> List[Job]:
    """A job for each item; a lineage that comes twice is refused the second time, an id that does is the caller's mistake."""
    policies: Dict[Tuple[str, ...], Policy] = {}
    jobs: List[Job] = []
    lineages: Dict[str, str] = {}
    if len({item.id for item in wanted}) < len(wanted):
        raise ConfigError("an id comes twice: each item needs one of its own", field="id")
    for item in wanted:
        if item.profile.policies not in policies:
            policies[item.profile.policies] = Policy.load(item.profile.policies)
        jobs.append(Job(item, policy or policies[item.profile.policies]))
        if lineages.setdefault(item.lineage, item.id) != item.id:
            problem = ConfigError(f"the lineage {item.lineage} is asked for twice, also as {lineages[item.lineage]}", field="lineage")
            jobs[-1].outcome = failed(STEP, problem)
    return jobs


def _open(jobs: Sequence[Job]) -> List[Job]:
    return [job for job in jobs if job.outcome is None]


def _each(jobs: Sequence[Job], act: Callable[[Job], None]) -> None:
    """Act on every job whose way has not ended; an error ends its own way and no other's."""
    for job in jobs:
        if job.outcome is not None:
            continue
        try:
            act(job)
        except ClmError as error:
            job.outcome = failed(STEP, error, reason=job.reason, before=job.before)


class _Flow:
    """The steps of one call; each takes the jobs that are still on their way."""

    def __init__(
        self, store: SecretStore, issuer: Issuer, ledger: Recorder, clock: Clock, run_id: str, promote: bool, check_mode: bool
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._run_id = run_id
        self._promote = promote
        self.identity = _identity(issuer, check_mode)
        self.by = By(self.identity, issuer)
        self._checker = Checker(issuer)
        self._asker = Asker(issuer, self.identity)

    def run(self, jobs: List[Job]) -> None:
        """Every job to its end; leases are given back whatever happens."""
        with Holding(self._store, self._clock) as held:
            self._held = held
            self._run(jobs)

    def _run(self, jobs: List[Job]) -> None:
        try:
            wrong = self._wrong_clock() if any(self._is_leased(job) for job in jobs) else None
            _each(jobs, about("store")(lambda job: self._lease(job, wrong)))
            _each(jobs, about("store")(lambda job: prepare(job, self._store, self.by, self._run_id)))
            self._flush(jobs)
            self._leave([left for job in _open(jobs) for left in gone_without(job)])
            self._record("intent", [job for job in _open(jobs) if job.lease is not None])
            self._ask([job for job in _open(jobs) if not job.take])
            _each([job for job in jobs if job.take], self._take)
            self._flush(jobs, done=True)
            self._record("outcome", [job for job in jobs if job.lease is not None and job.version is not None and job.busy is None])
            self._finish(jobs)
        finally:
            self._end(jobs)

    def _finish(self, jobs: Sequence[Job]) -> None:
        """What is in the ledger becomes the current version, or, where that is for later, says once that it was recorded."""
        recorded = [job for job in jobs if issued(job)]
        if not self._promote:
            mark(recorded, self._store, self._run_id)
            return
        promote(recorded, self._store)
        self._flush(recorded, done=True)
        self._record("outcome", [job for job in recorded if not issued(job)])

    def _leave(self, left: Sequence[Job]) -> None:
        """What no run takes any more gets its outcome before anything takes its place; where that fails, the next run does it."""
        self._record("outcome", left)
        mark([job for job in left if issued(job)], self._store, self._run_id)

    def _is_leased(self, job: Job) -> bool:
        return self._promote or not job.take or unrecorded(job)

    def _wrong_clock(self) -> Optional[ClmError]:
        """Why nothing may be issued by this clock, None when it is good: looked at once, right before all leases are taken."""
        try:
            refuse_wrong_clock(self._store)
        except ClmError as error:
            return error
        return None

    def _lease(self, job: Job, wrong: Optional[ClmError]) -> None:
        if self._is_leased(job):
            if wrong is not None:
                raise wrong
            take_lease(job, self._store, self._held)

    def _ask(self, jobs: List[Job]) -> None:
        """Ask the CA for each; an answer, a wait and a refusal are kept alike."""
        waiting = [job for job in jobs if ref_of(job)]
        self._heard([job for job in jobs if not ref_of(job)], self._asker.begin)
        self._heard(waiting, self._asker.resume)
        for number in range(ROUNDS):
            going = [job for job in _open(jobs) if job.go_on]
            if not going:
                return
            self._flush(going)  # what was begun is found again after a kill
            self._heard(_open(going), self._asker.resume, last=number == ROUNDS - 1)

    def _heard(self, jobs: List[Job], ask: Callable[[List[Job]], List[Union[Answer, ClmError]]], last: bool = False) -> None:
        """Ask for these and keep what was answered; the `last` time, going on at once is waiting like any other."""
        if not jobs:
            return
        try:
            answers = ask(jobs)
        except ClmError as error:
            answers = [error for _job in jobs]
        now = self._clock()
        by_job = {id(job): answer for job, answer in zip(jobs, answers)}
        _each(jobs, lambda job: self._keep(job, by_job[id(job)], now, last))

    def _keep(self, job: Job, answer: Union[Answer, ClmError], now: datetime, last: bool = False) -> None:
        job.go_on = False
        if isinstance(answer, ClmError):
            job.outcome = later(job, answer, now, self._store)
            return
        version, lease = known(job.version, "the version"), known(job.lease, "the lease")
        if isinstance(answer, Pending):
            self._keep_pending(job, answer, version, lease, go_on=answer.go_on and not last)
            return
        chain, leaf = self._checker.check(answer.chain_pem, job, version.spki_sha256, now)
        job.version = replace(version, state="issued", sha256=leaf.sha256, chain_pem=chain, spki_sha256=leaf.spki_sha256)
        with about("store"):
            self._store.save(lease, job.version)
        after = {**facts(job.version, leaf), **left_behind(job.version, self._run_id)}
        job.outcome = Outcome(DONE, STEP, job.reason, job.before, after, message=_said(job, answer.note))

    def _keep_pending(self, job: Job, answer: Pending, version: StoredVersion, lease: Lease, go_on: bool) -> None:
        handed = handed_out(version, answer)
        changed = job.fresh or ref_of(job) != answer.ref or handed != version.meta.get(HANDED, [])
        if changed:
            job.version = replace(version, meta={**version.meta, "ref": answer.ref, **({HANDED: handed} if handed else {})})
            with about("store"):
                self._store.save(lease, job.version)
        job.go_on = go_on
        if go_on:
            return
        after = {
            "version": version.version,
            "spki_sha256": version.spki_sha256,
            "names": list(job.wanted.names),
            "issuer": self.identity,
            "request_id": job.request_id,
            "check_after": rfc3339(answer.check_after) if answer.check_after else "",
            "challenges": [dict(one) for one in answer.challenges],
            **({"withdraw": handed} if handed else {}),
        }
        message, then = f"the CA has not answered yet, waiting for {answer.who_must_act or 'the CA'}", "run again when it has"
        if answer.challenges:
            then = "publish what it asks for, then ask again"
        state = PENDING if changed or answer.challenges else UNCHANGED
        job.outcome = Outcome(state, STEP, job.reason, job.before, after, message, then)

    def _take(self, job: Job) -> None:
        """A version that an earlier run got issued is gone on with."""
        version = known(job.version, "the version")
        after = {**facts(version, leaf_of(version)), **left_behind(version, self._run_id)}
        message = f"took version {version.version}, which an earlier run got issued"
        job.outcome = Outcome(DONE if self._promote else UNCHANGED, STEP, job.reason, job.before, after, message)

    def _flush(self, jobs: Sequence[Job], done: bool = False) -> None:
        """What was saved is durable on return; an error ends the way of every job that had something to keep, and hides no other."""
        try:
            with about("store"):
                self._store.flush()
        except ClmError as error:
            only = only_of(error)
            for job in jobs if only is None else [job for job in jobs if job.wanted.lineage in only]:
                if job.lease is not None and (job.outcome is None or (done and job.outcome.state != FAILED)):
                    job.outcome = failed(STEP, error, reason=job.reason, before=job.before)

    def _end(self, jobs: Sequence[Job]) -> None:
        """Give every lineage back; one that cannot be is free when its lease has expired."""
        for job in jobs:
            if job.lease is not None:
                self._held.end(job.lease)

    def _record(self, action: str, jobs: Sequence[Job]) -> None:
        """Durable in the ledger on return; an error ends the way of every job, or says what was done and not recorded."""
        if not jobs:
            return
        try:
            self._ledger.append([event(action, job, self._run_id) for job in jobs])
        except ClmError as error:
            for job in jobs:
                after = job.outcome.after if job.outcome else {}
                said = f"it is {job.outcome.state}, but not recorded: " if job.outcome else "nothing was asked for: "
                problem = ClmError(said + error.message, hint=error.hint, field=error.field, runbook="ledger")
                job.outcome = failed(STEP, problem, reason=job.reason, before=job.before, after=after)


def _identity(issuer: Issuer, check_mode: bool) -> str:
    """The issuer's identity; empty in check mode where the issuer itself is only planned yet."""
    try:
        return issuer.identity()
    except NotFoundError:
        if not check_mode:
            raise
        return ""


def _said(job: Job, note: str) -> str:
    return "; ".join(filter(None, ["" if job.fresh else "went on with the request of an earlier run", note]))
