# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA that asks to be asked again later: no failure, as long as what is served, or kept, lives long enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, Optional, Tuple

from ..errors import ClmError, UnavailableError
from ..outcome import DEFERRED, FAILED, PENDING, UNCHANGED, Outcome
from ..policy.patience import can_wait
from ..x509.certificate import rfc3339
from ._issue_values import STEP, Job

SHORT = "what is kept holds no longer than 12 hours or a quarter of its life"
NOTHING = "nothing is kept that would hold until then"
ANSWER = "Have that answered, then run this again: it goes on with the same request and issues nothing twice."


def later(job: Job, error: ClmError, now: datetime) -> Outcome:
    """The item as deferred; the error itself where the CA named no time to come back.

    A rate limit (RFC 8555 6.6, HTTP 429 and 503 with Retry-After) reaches us as UnavailableError with `retry_after`.
    Whether there is time to wait is said by `in_time`, and in a wave by what the servers serve.
    """
    if not isinstance(error, UnavailableError) or error.retry_after is None:
        raise error
    again = rfc3339(now + timedelta(seconds=max(0.0, error.retry_after)))
    message = f"{error.message}{'' if error.message.endswith('.') else '.'} The CA asked to be asked again, at {again}."
    return Outcome(DEFERRED, STEP, job.reason, job.before, {"ask_again": again}, message, error.hint or f"run again after {again}")


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
    return tuple(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc) if text else None for text in texts)
