# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA that asks to be asked again later: no failure, as long as what is served, or kept, lives long enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Mapping, Optional, Tuple

from ..contracts import SecretStore
from ..errors import ClmError, UnavailableError, about
from ..outcome import DEFERRED, FAILED, PENDING, UNCHANGED, Outcome
from ..policy.patience import can_wait
from ..x509._show import instant, rfc3339
from ._issue_values import STEP, Job

SHORT = "what is kept holds no longer than 12 hours or a quarter of its life"
NOTHING = "nothing is kept that would hold until then"
PUT_OFF = "put_off"  # in the meta of a pending version: until when the CA wants to be left alone, and what it said
AT_ONCE = ("compromised", "revoked")
ANSWER = "Have that answered, then run this again: it goes on with the same request and issues nothing twice."


def later(job: Job, error: ClmError, now: datetime, store: SecretStore) -> Outcome:
    """The item as deferred, which later runs remember (`put_off`); the error itself where the CA named no time to come back.

    A rate limit (RFC 8555 6.6, HTTP 429 and 503 with Retry-After) reaches us as UnavailableError with `retry_after`.
    Whether there is time to wait is said by `in_time`, and in a wave by what the servers serve.
    """
    if not isinstance(error, UnavailableError) or error.retry_after is None:
        raise error
    again = rfc3339(now + timedelta(seconds=max(0.0, error.retry_after)))
    message = f"{error.message}{'' if error.message.endswith('.') else '.'} The CA asked to be asked again, at {again}."
    then = error.hint or f"run again after {again}"
    if job.version is not None and job.lease is not None:
        kept = {"until": again, "message": message, "next_action": then}
        job.version = replace(job.version, meta={**job.version.meta, PUT_OFF: kept})
        with about("store"):
            store.save(job.lease, job.version)
    return Outcome(DEFERRED, STEP, job.reason, job.before, {"ask_again": again}, message, then)


def put_off(job: Job, now: datetime) -> Optional[Outcome]:
    """The item as deferred while the time that the CA named to an earlier run is still to come; None where it is to be asked.

    Asked all the same is for what must be replaced at once, for what has no time left to wait, where a refusal costs less than an
    outage, and for what is forced with another reason, since that is another version.
    """
    kept = job.version.meta.get(PUT_OFF) if job.version is not None and not job.take else None
    if not kept or (job.reason is not None and job.reason.word in AT_ONCE) or not can_wait(_life(job.before), now):
        return None
    if instant(kept["until"]) <= now:
        return None
    message = f"{kept['message']} It was not asked before that."
    return Outcome(DEFERRED, STEP, job.reason, job.before, {"ask_again": kept["until"]}, message, kept["next_action"])


def in_time(outcome: Outcome, now: datetime) -> Outcome:
    """The outcome; failed where it waits for the CA, and what is kept, if anything is, lives too short to wait.

    The run that asks for the first certificate of a lineage has done what it could: it stays pending. A later one that finds
    it unanswered, with nothing kept, has failed, or the wait would have no end.
    """
    if not _waits(outcome) or can_wait(_life(outcome.before), now) or (outcome.state == PENDING and not outcome.before):
        return outcome
    kept = SHORT if outcome.before else NOTHING
    said = outcome.message if outcome.message.endswith(".") else f"{outcome.message}."
    then = outcome.next_action if outcome.state == DEFERRED else ANSWER
    return replace(outcome, state=FAILED, message=f"{said} There is no time left to wait: {kept}.", next_action=then)


def _waits(outcome: Outcome) -> bool:
    """True for what the CA has not answered: deferred by it, asked for in this run, or by an earlier one. Not where it is our turn."""
    if outcome.after.get("challenges"):
        return False
    unanswered = outcome.state == UNCHANGED and outcome.reason is not None and not outcome.after.get("sha256")
    return unanswered or outcome.state in (DEFERRED, PENDING)


def _life(facts: Mapping[str, Any]) -> Tuple[Optional[datetime], ...]:
    """notBefore and notAfter of the current version, None where there is none or they could not be read."""
    texts = [str(facts.get(name) or "") for name in ("not_before", "not_after")]
    return tuple(instant(text) if text else None for text in texts)
