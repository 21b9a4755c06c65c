# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One trust store is made to hold what is wanted: exactly these anchors, or these too, or those no more; or it is taken away.

The second and the third are the two ends of a rotation of trust: the new anchor is added before anything is issued below it, and the
old one is removed when nothing is left below that. Whatever is in doubt ends before any write, and what was written is read back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..contracts import Clock, HeldList, RevocationLists, Trusted, TrustStore
from ..errors import ClmError, ConfigError, MalformedError, NotFoundError, about
from ..outcome import DONE, PLANNED, UNCHANGED, Answer, Outcome, failed
from ..x509.bundle import Bundle
from ..x509.certificate import rfc3339
from ..x509.revocation_list import RevocationList
from ._trust_absent import absent
from ._trust_judge import bundle_of, fingerprints, lists_of, named, shown

PRESENT, ADDED, REMOVED, ABSENT = "present", "added", "removed", "absent"
TRUST_OPTIONS: Dict[str, Any] = {
    "state": {"type": "str", "choices": [PRESENT, ADDED, REMOVED, ABSENT], "default": PRESENT},
    "anchors": {"type": "list", "elements": "path"},
    "sha256": {"type": "list", "elements": "str"},
}
REQUIRED_IF = [("state", PRESENT, ["anchors"]), ("state", ADDED, ["anchors"]), ("state", REMOVED, ["sha256"])]
LIST_OPTIONS: Dict[str, Any] = {"revocation_lists": {"type": "list", "elements": "path"}}
DOUBT_OPTIONS: Dict[str, Any] = {"replace_unknown": {"type": "bool", "default": False}}
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Plan:
    """What is there, and what is to be there. `lists` None: revocation lists stay as they are."""

    trusted: Optional[Trusted]
    before: Bundle
    after: Bundle
    held: Tuple[Tuple[HeldList, RevocationList], ...] = ()
    lists: Optional[Tuple[RevocationList, ...]] = None
    remarks: List[str] = field(default_factory=list)

    @property
    def add(self) -> List[RevocationList]:
        """Lists that are not there yet."""
        have = {one.sha256 for _held, one in self.held}
        return [one for one in self.lists or () if one.sha256 not in have]

    @property
    def drop(self) -> List[str]:
        """Refs of the lists that are there and not wanted, and of second copies."""
        wanted = {one.sha256 for one in self.lists} if self.lists is not None else {one.sha256 for _held, one in self.held}
        first = {one.sha256: held.ref for held, one in reversed(self.held)}
        return [
            held.ref for held, one in self.held if self.lists is not None and (one.sha256 not in wanted or first[one.sha256] != held.ref)
        ]

    @property
    def moves(self) -> bool:
        """Whether other anchors are to be in force."""
        return self.trusted is None or bool(self.trusted.doubt) or self.before != self.after

    @property
    def facts(self) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        """Before and after, as results carry them."""
        now = [one for _held, one in self.held]
        return shown(self.before, now), shown(self.after, now if self.lists is None else self.lists)


def converge(params: Mapping[str, Any], *, store: TrustStore, clock: Clock, check_mode: bool) -> Answer:
    """One outcome, by the name of the trust store."""
    answer = Answer()
    remarks: List[str] = []
    if params["state"] == ABSENT:
        answer[store.identity()] = absent(params, store, check_mode)
    else:
        answer[store.identity()] = _converge(params, store, clock, check_mode, remarks)
    answer.more = {"remarks": remarks}
    return answer


def _converge(params: Mapping[str, Any], store: TrustStore, clock: Clock, check_mode: bool, remarks: List[str]) -> Outcome:
    try:
        with about("refused"):
            plan = _plan(params, store, clock)
    except ClmError as error:
        return failed("plan", error)
    remarks.extend(plan.remarks)
    before, after = plan.facts
    said = plan.trusted.remarks if plan.trusted else ()  # what the other side says of the anchors that are there now
    if not (plan.moves or plan.add or plan.drop):
        remarks.extend(said)
        return Outcome(UNCHANGED, "plan", before=before, after=after)
    if check_mode:
        remarks.extend(said)
        return Outcome(PLANNED, "plan", before=before, after=after, message=_said(plan))
    try:
        _write(store, plan)
        remarks.extend(_read_back(store, plan).remarks)
    except ClmError as error:
        return failed("write", error, before=before)
    return Outcome(DONE, "read_back", before=before, after=after, message=_said(plan))


# --- what is to be done ----------------------------------------------------------------------------------------------


def _plan(params: Mapping[str, Any], store: TrustStore, clock: Clock) -> Plan:
    """Everything that can be wrong is found here, before any write."""
    now, state = clock(), str(params["state"])
    unused = "anchors" if state == REMOVED else "sha256"
    if params.get(unused):
        raise ConfigError(f"with state {state} it says nothing", hint="leave it out, or name the other state", field=unused)
    given = bundle_of(params["anchors"] or (), now, store.key_types) if state != REMOVED else Bundle()
    gone = fingerprints(params["sha256"] or ()) if state == REMOVED else []
    trusted = store.read()
    if trusted is None and state == REMOVED:
        raise NotFoundError(f"there is no trust store {store.identity()} to remove an anchor from", hint="look at its name and region")
    before = _held_now(store, trusted, state == PRESENT and bool(params.get("replace_unknown")))
    after = given if state == PRESENT else _joined(before, given, gone)
    if not after.certificates:
        hint = "add the anchor that takes its place first, or delete what uses the trust store: nothing was changed"
        raise ConfigError(f"{store.identity()} would be left without any anchor, and trust nobody", hint=hint, field="sha256")
    remarks = [
        f"{named(one)} expires at {rfc3339(one.not_after)}" for one in after.certificates if one.not_after and one.not_after < now + SOON
    ]
    remarks += [
        f"{named(one)} is valid from {rfc3339(one.not_before)} on" for one in after.certificates if one.not_before and one.not_before > now
    ]
    lists = params.get("revocation_lists")
    held = _lists_now(store, trusted) if lists is not None else ()
    wanted = tuple(lists_of(lists, after, now)) if lists is not None else None
    return Plan(trusted, before, after, held, wanted, remarks)


def _held_now(store: TrustStore, trusted: Optional[Trusted], replace_unknown: bool) -> Bundle:
    """The anchors that are in force; ClmError where nobody can tell which they are, unless all of them are to be replaced anyway."""
    if trusted is None:
        return Bundle()
    doubt, found = trusted.doubt, Bundle()
    try:
        found = Bundle.parse(trusted.bundle_pem) if trusted.bundle_pem.strip() else found
    except MalformedError as error:
        doubt = doubt or f"what it holds cannot be read: {error.message}"
    doubt = doubt or (f"it holds a certificate that cannot be read: {found.malformed[0]}" if found.malformed else "")
    if doubt and not replace_unknown:
        hint = "find out what it holds and who wrote it; state present, with replace_unknown where that is an option, replaces all of it"
        raise ClmError(f"{store.identity()}: {doubt}; so nothing was changed", hint=hint)
    return found


def _joined(before: Bundle, given: Bundle, gone: Sequence[str]) -> Bundle:
    kept = [one.der for one in before.certificates if one.sha256 not in gone]
    return Bundle.of([*kept, *(one.der for one in given.certificates)])


def _lists_now(store: TrustStore, trusted: Optional[Trusted]) -> Tuple[Tuple[HeldList, RevocationList], ...]:
    if not isinstance(store, RevocationLists):
        raise ConfigError(f"{store.identity()} holds no revocation lists", field="revocation_lists")
    return tuple((held, RevocationList.parse(held.der)) for held in store.lists(trusted)) if trusted is not None else ()


# --- doing it --------------------------------------------------------------------------------------------------------


def _write(store: TrustStore, plan: Plan) -> None:
    """Anchors first, then lists: each new one is there before an old one goes."""
    if plan.moves:
        store.write(plan.after.pem, plan.trusted)
    if isinstance(store, RevocationLists) and (plan.add or plan.drop):
        trusted = plan.trusted or _there(store, store.read())
        for one in plan.add:
            store.add_list(trusted, one.pem)
        if plan.drop:
            store.remove_lists(trusted, plan.drop)


def _there(store: TrustStore, trusted: Optional[Trusted]) -> Trusted:
    if trusted is None:
        raise ClmError(f"{store.identity()} was written, and now it is not there", hint="see who deleted it, then run again")
    return trusted


def _read_back(store: TrustStore, plan: Plan) -> Trusted:
    """What is there is what was written; ClmError says what it is instead."""
    hint = "see who else writes there, then run again"
    trusted = _there(store, store.read())
    found = _held_now(store, trusted, False)
    if found != plan.after:
        there = ", ".join(named(one) for one in found.certificates) or "nothing"
        raise ClmError(f"{store.identity()} was written, and now holds something else: {there}", hint=hint)
    if plan.lists is not None:
        have = sorted(one.sha256 for _held, one in _lists_now(store, trusted))
        if have != sorted(one.sha256 for one in plan.lists):
            raise ClmError(f"{store.identity()} has other revocation lists than were written", hint=hint)
    return trusted


def _said(plan: Plan) -> str:
    """What is added and what is removed, in one sentence."""
    came = [f"+ {named(one)}" for one in plan.after.certificates if one not in plan.before.certificates]
    went = [f"- {named(one)}" for one in plan.before.certificates if one not in plan.after.certificates]
    lists = [f"+ revocation list of {one.issuer}" for one in plan.add] + [f"- {len(plan.drop)} revocation list(s)"] * bool(plan.drop)
    return "; ".join([*came, *went, *lists])
