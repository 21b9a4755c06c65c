# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows once an outcome is in the ledger. A version that is issued and not current is one whose run may have died before.

So the next run that takes it records it, and where it is not made current then, a mark in the version says that it was.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Sequence

from ..contracts import SecretStore
from ..errors import ClmError, about
from ..outcome import DONE, UNCHANGED, failed
from ._issue_values import STEP, Job

MARK = "recorded"


def issued(job: Job) -> bool:
    """Whether the job's way has ended well, under its lease, with a certificate."""
    good = job.outcome is not None and job.outcome.state in (DONE, UNCHANGED)
    return good and job.lease is not None and job.version is not None and job.version.state in ("issued", "proven")


def unrecorded(job: Job) -> bool:
    """Whether the job takes a version of which nobody can say that its outcome is in the ledger; a proven one's is."""
    return job.take and job.version is not None and job.version.state == "issued" and MARK not in job.version.meta


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
