# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows once an outcome is in the ledger. A version that is issued and not current is one whose run may have died before.

So the next run that takes it, or goes on without it, records it, and a mark in a version that is not made current then says that
it was.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Iterator, Sequence

from ..contracts import SecretStore, StoredVersion
from ..errors import ClmError, about
from ..outcome import DONE, UNCHANGED, Outcome, failed
from ._issue_values import STEP, Job

MARK = "recorded"


def issued(job: Job) -> bool:
    """Whether the job's way has ended well, under its lease, with a certificate."""
    good = job.outcome is not None and job.outcome.state in (DONE, UNCHANGED)
    return good and job.lease is not None and job.version is not None and job.version.state in ("issued", "proven")


def unrecorded(job: Job) -> bool:
    """Whether the job takes a version of which nobody can say that its outcome is in the ledger; a proven one's is."""
    return job.take and job.version is not None and unsaid(job.version)


def unsaid(version: StoredVersion) -> bool:
    """Whether a version that is not the current one may have no outcome in any ledger."""
    return version.state == "issued" and MARK not in version.meta


def gone_without(job: Job) -> Iterator[Job]:
    """A job for each version that this one goes on without, with the outcome that its own run may not have lived to record."""
    for version in job.passed_over if job.lease is not None else ():
        run = version.meta.get("run_id") or "that is not known"
        message = f"issued by the run {run}, which may not have lived to record it; no run takes it any more"
        after = {"version": version.version, "sha256": version.sha256, "spki_sha256": version.spki_sha256}
        outcome = Outcome(DONE, STEP, job.reason, job.before, after, message)
        yield replace(job, version=version, take=True, outcome=outcome, passed_over=())


def promote(jobs: Sequence[Job], store: SecretStore) -> None:
    """Each job's version becomes the current one with the next flush; an error ends its own job."""
    for job in jobs:
        if job.lease is None or job.version is None:
            continue
        try:
            with about("store"):
                store.promote(job.lease, job.version.version)
        except ClmError as error:
            job.outcome = failed(STEP, error, reason=job.reason, before=job.before)


def mark(jobs: Sequence[Job], store: SecretStore, run_id: str) -> None:
    """Say durably in versions that were taken that they are recorded; one that cannot be marked is recorded once more."""
    taken = [job for job in jobs if unrecorded(job)]
    for job in taken:
        if job.lease is not None and job.version is not None:
            with suppress(ClmError):
                store.save(job.lease, replace(job.version, meta={**job.version.meta, MARK: run_id}))
    if taken:
        with suppress(ClmError):
            store.flush()
