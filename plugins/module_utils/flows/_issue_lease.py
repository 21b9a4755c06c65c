# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leases of the issue flow. What was judged before the lease is looked at again under it: two runs never issue the same twice."""

from __future__ import annotations

from typing import Iterator, List, Optional

from ..contracts import Busy, SecretStore
from ..errors import BusyError
from ._issue_values import Job
from .leasing import AT_ONCE, LOOK_AGAIN, NEXT, PATIENCE, Holding, Pause


def take_lease(job: Job, store: SecretStore, held: Holding) -> None:
    """The job's lease; BusyError, and `busy` in the job, when somebody else has the lineage or has gone on with the version."""
    lease = store.begin(job.wanted.lineage, job.current.version if job.current else None)
    if isinstance(lease, Busy):
        job.busy = lease
        raise BusyError(lease.message, hint=NEXT, field=job.wanted.lineage)
    job.lease = held.add(lease)
    if job.version is not None:
        now = store.load(job.wanted.lineage, job.version.version)
        if now is None or now.state != job.version.state:
            raise overtaken(job)
        job.version = now  # another run may have kept what the CA told it meanwhile


def overtaken(job: Job) -> BusyError:
    """The error of a job whose lineage was changed by another run since it was judged; the job says so too."""
    message = f"another run has worked on {job.wanted.lineage} since it was judged"
    job.busy = Busy(job.wanted.lineage, "", message)
    return BusyError(message, hint=NEXT, field=job.wanted.lineage)


def anew(jobs: List[Job], pause: Optional[Pause]) -> Iterator[None]:
    """Once for every time that busy jobs are to be judged again: each is then as new. It ends when none is, or patience is over."""
    waited = 0.0
    while pause is not None and waited < PATIENCE:
        busy = [(number, job.busy) for number, job in enumerate(jobs) if job.busy is not None]
        if not busy:
            return
        seconds = LOOK_AGAIN if all(one.until is not None for _number, one in busy) else AT_ONCE
        pause(seconds, busy[0][1].message)
        waited += seconds
        for number, _busy in busy:
            jobs[number] = Job(jobs[number].wanted, jobs[number].policy)
        yield
