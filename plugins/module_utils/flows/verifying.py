# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One place is made to verify its clients as the task says: read, compared, written where it differs, and read back."""

from __future__ import annotations

from typing import Any, List, Mapping

from ..contracts import Verification, Verifier
from ..errors import ClmError, about
from ..outcome import DONE, PLANNED, UNCHANGED, Answer, Outcome, failed


def converge(verifier: Verifier, check_mode: bool) -> Answer:
    """One outcome, by the name of the place; before and after are what it says of its verification."""
    answer = Answer()
    answer[verifier.identity()] = _converge(verifier, check_mode)
    return answer


def _converge(verifier: Verifier, check_mode: bool) -> Outcome:
    try:
        with about("refused"):  # nothing was written yet
            before, wanted = verifier.read(), verifier.wanted(check_mode)
    except ClmError as error:
        return failed("plan", error)
    if dict(before.facts) == dict(wanted):
        return Outcome(UNCHANGED, "plan", before=before.facts, after=wanted)
    said = _said(before.facts, wanted)
    if check_mode:
        return Outcome(PLANNED, "plan", before=before.facts, after=wanted, message=said)
    try:
        verifier.write(wanted, before)
        _read_back(verifier, wanted)
    except ClmError as error:
        return failed("write", error, before=before.facts)
    return Outcome(DONE, "read_back", before=before.facts, after=wanted, message=said)


def _read_back(verifier: Verifier, wanted: Mapping[str, Any]) -> None:
    """ClmError where the place says something else than was written."""
    found: Verification = verifier.read()
    if dict(found.facts) != dict(wanted):
        hint = "see who else changes it, then run again"
        raise ClmError(f"{verifier.identity()} was written, and now says otherwise: {_said(wanted, found.facts)}", hint=hint)


def _said(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What differs, in one sentence."""
    parts: List[str] = [f"{name} {before[name] or 'none'} -> {after[name] or 'none'}" for name in after if before[name] != after[name]]
    return ", ".join(parts)
