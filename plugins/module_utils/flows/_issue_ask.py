# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking an issuer, in one go where it takes a batch: an error is the answer of its own request and of no other."""

from __future__ import annotations

from functools import partial
from typing import Callable, List, Union

from ..contracts import Answer, BatchIssuer, Issuer, IssueRequest
from ..errors import ClmError
from ..issuers._powers import BatchResumer
from ._issue_values import Job, leaf_of

Answers = List[Union[Answer, ClmError]]


class Asker:
    """Asks one issuer, for jobs that have a version."""

    def __init__(self, issuer: Issuer, identity: str) -> None:
        self._issuer = issuer
        self._identity = identity

    def begin(self, jobs: List[Job]) -> Answers:
        """An answer for each job, in their order."""
        requests = [request_of(job, self._identity) for job in jobs]
        if isinstance(self._issuer, BatchIssuer):
            return self._issuer.begin_many(requests)
        return [_answer(partial(self._issuer.begin, request)) for request in requests]

    def resume(self, jobs: List[Job]) -> Answers:
        """An answer for each job that was begun, in their order."""
        refs = [(ref_of(job), request_of(job, self._identity)) for job in jobs]
        if isinstance(self._issuer, BatchResumer):
            return self._issuer.resume_many(refs)
        return [_answer(partial(self._issuer.resume, ref, request)) for ref, request in refs]


def ref_of(job: Job) -> str:
    """How the issuer finds the request again, empty when it was not asked yet."""
    return str(job.version.meta.get("ref", "")) if job.version else ""


def request_of(job: Job, identity: str) -> IssueRequest:
    """What the issuer of that identity is asked for; without an id as long as the job has no version."""
    version, profile, current = job.version, job.wanted.profile, job.current
    ours = current if current is not None and current.chain_pem and current.meta.get("issuer") == identity else None
    return IssueRequest(
        job.request_id if version is not None else "",
        job.wanted.lineage,
        version.csr_pem if version is not None else "",
        job.wanted.names,
        profile.lifetime,
        profile.backdate,
        profile.usages,
        profile.name,
        leaf_of(ours).pem if ours is not None else "",
        job.wanted.published,
        profile.key_type,
        str(ours.meta.get("ref") or "") if ours is not None else "",
    )


def _answer(ask: Callable[[], Answer]) -> Union[Answer, ClmError]:
    try:
        return ask()
    except ClmError as error:
        return error
