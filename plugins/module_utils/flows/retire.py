# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a lineage that nothing serves any more: revoked, its keys archived or destroyed, marked, and its record kept.

A lineage is retired when its newest version is. The versions are ended oldest first, so a run that was killed has not marked
the lineage, and the next one goes on: revoking again is no error, and neither is dropping.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..contracts import DROPPED, RETIRED, Clock, Lease, SecretStore, StoredVersion
from ..errors import BusyError, ClmError, ConfigError, NotFoundError
from ..ledger import Recorder
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, Reason, failed
from ..secret_stores._powers import VersionDropper
from ..x509.certificate import rfc3339
from ._ending import KEY_COMPROMISE, Revokers, event, public_facts
from .leasing import NEXT, Holding, Pause, lease_of_any

STEP = "retire"
ARCHIVE, DESTROY = "archive", "destroy"
WORDS = {ARCHIVE: "archived", DESTROY: "destroyed"}
MOST_EVIDENCE = 200
UNLIST = "take it out of the manifest; to use the name again, run certops.clm.retire with -e clm_retire=lifted first"


@dataclass(frozen=True)
class Ending:
    """One lineage to end: what becomes of its keys, the reason to revoke for, the copies that were removed elsewhere, and what is
    looked at no more."""

    lineage: str
    key: str = ARCHIVE
    reason: str = "cessation_of_operation"
    labels: Mapping[str, Any] = field(default_factory=dict)
    compromised: Tuple[str, ...] = ()
    removed: Tuple[str, ...] = ()
    endpoints: Tuple[str, ...] = ()


def retirement(versions: Sequence[StoredVersion]) -> Optional[Mapping[str, Any]]:
    """The facts of the lineage's end, from its versions (oldest first); None while it goes on."""
    if not versions or versions[-1].state != RETIRED:
        return None
    facts = versions[-1].meta.get("retired")
    return facts if isinstance(facts, Mapping) else {}


def sentence(lineage: str, facts: Mapping[str, Any]) -> str:
    """What is said of a lineage that has ended."""
    return f"{lineage} was retired at {facts.get('at') or 'an unknown time'} and is neither issued nor deployed"


def retire(
    ending: Ending,
    *,
    store: SecretStore,
    revokers: Revokers,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    check_mode: bool = False,
    pause: Optional[Pause] = None,
) -> Outcome:
    """The outcome of ending the lineage; whoever calls it has proven that nothing serves it."""
    try:
        if ending.key not in WORDS:
            raise ConfigError(f"{ending.key!r} is neither {ARCHIVE} nor {DESTROY}", field="key")
        return _Flow(ending, store, revokers, ledger, clock, run_id, pause).run(check_mode)
    except ClmError as error:
        hint = error.hint or "mend that and run certops.clm.retire again: it goes on where this one stopped"
        return failed(STEP, ClmError(f"{ending.lineage}: {error.message}", hint=hint, field=error.field))


class _Flow:
    """One lineage on its way out."""

    def __init__(
        self,
        ending: Ending,
        store: SecretStore,
        revokers: Revokers,
        ledger: Recorder,
        clock: Clock,
        run_id: str,
        pause: Optional[Pause],
    ) -> None:
        self._ending, self._store, self._revokers = ending, store, revokers
        self._ledger, self._clock, self._run_id = ledger, clock, run_id
        self._pause = pause
        revokers.keep_in(store, pause)
        self._revoked: List[str] = []
        self._not_revoked: List[str] = []

    def run(self, check_mode: bool) -> Outcome:
        name = self._ending.lineage
        versions = self._store.versions(name)
        if not versions:
            raise NotFoundError("the secret store has no version of it: there is nothing to end", hint="take it out of the manifest")
        damaged = [one.version for one in versions if one.meta.get("malformed")]
        if damaged:
            raise ConfigError(f"version {damaged[0]} cannot be read", hint="mend or remove it first: secret_store_info says what is wrong")
        before = _summary(versions)
        ended = retirement(versions)
        todo = [one for one in versions if self._is_open(one, one is versions[-1])]
        if not todo:
            message = f"{sentence(name, ended or {})}; its keys are {(ended or {}).get('key', 'unknown')}. Its record is kept"
            return Outcome(UNCHANGED, STEP, None, before, before, message, UNLIST)
        reason = Reason(RETIRED, f"{name} was asked to end, its keys are {WORDS[self._ending.key]}")
        if check_mode:
            return Outcome(PLANNED, STEP, reason, before, self._planned(versions, todo), f"{name} would end: {_plan(todo, self._ending)}")
        self._end_all(todo, versions)
        after = self._facts(self._store.versions(name))
        return Outcome(DONE, STEP, reason, before, after, self._said(todo), UNLIST)

    def _is_open(self, version: StoredVersion, newest: bool) -> bool:
        """True while something of the version is not ended as asked; the newest one always carries the mark."""
        if version.state == RETIRED:
            return self._holds(version) and self._destroys(version)
        return newest or version.state != DROPPED or self._holds(version)

    def _destroys(self, version: StoredVersion) -> bool:
        """True when the key goes: that was asked for, now or by a run that was killed before it was gone."""
        begun = version.meta.get("retired") if version.state == RETIRED else None
        return (
            self._ending.key == DESTROY or version.state == DROPPED or (isinstance(begun, Mapping) and begun.get("key") == WORDS[DESTROY])
        )

    def _holds(self, version: StoredVersion) -> bool:
        return isinstance(self._store, VersionDropper) and self._store.holds_key(version.lineage, version.version)

    def _planned(self, versions: Sequence[StoredVersion], todo: Sequence[StoredVersion]) -> Dict[str, Any]:
        ends = {one.version for one in todo}
        rows = [{**public_facts(one), "state": RETIRED if one.version in ends else one.state} for one in versions]
        return {"state": RETIRED, "key": WORDS[self._ending.key], "versions": rows}

    def _end_all(self, todo: Sequence[StoredVersion], versions: Sequence[StoredVersion]) -> None:
        with Holding(self._store, self._clock) as held:
            lease = held.add(lease_of_any(self._store, self._ending.lineage, self._pause))
            try:
                _refuse_moved(self._store, self._ending.lineage, versions)
                self._end_under(lease, todo, versions)
            finally:
                held.end(lease)

    def _end_under(self, lease: Lease, todo: Sequence[StoredVersion], versions: Sequence[StoredVersion]) -> None:
        self._record("intent", todo, {})
        for version in todo:
            self._end(lease, version, versions)
        self._store.flush()
        self._record("outcome", todo[:-1], {"state": DONE})
        closed = {"monitoring_closed": list(self._ending.endpoints)} if self._ending.endpoints else {}
        self._record("outcome", todo[-1:], {"state": DONE, "evidence": self._evidence(todo), **closed})

    def _end(self, lease: Lease, version: StoredVersion, versions: Sequence[StoredVersion]) -> None:
        now = self._clock()
        revocation = self._revokers.revoke(version, self._reason(version, versions), now)
        (self._revoked if revocation.facts else self._not_revoked).append(revocation.why_not or version.version)
        destroys = self._destroys(version)
        facts: Dict[str, Any] = {"at": rfc3339(now), "run_id": self._run_id, **dict(version.meta.get("retired") or {})}
        facts.update(reason=self._ending.reason, key=WORDS[DESTROY if destroys else ARCHIVE], spki_sha256=version.spki_sha256)
        marked = revocation.marked(version)
        ended = replace(marked, state=RETIRED, meta={**marked.meta, "retired": facts})
        if not destroys:
            self._store.save(lease, ended)
            return
        if not isinstance(self._store, VersionDropper):
            raise ConfigError(f"the secret store {self._store.identity()} cannot destroy keys", hint="archive them: clm_key=archive")
        facts["destroyed_at"] = rfc3339(now)
        self._store.drop(lease, ended)
        if self._holds(version):
            raise ClmError(f"the key of version {version.version} is still there after it was destroyed")

    def _reason(self, version: StoredVersion, versions: Sequence[StoredVersion]) -> str:
        keys = {one.spki_sha256 for one in versions if one.sha256 in self._ending.compromised}
        return KEY_COMPROMISE if version.spki_sha256 in keys else self._ending.reason

    def _evidence(self, todo: Sequence[StoredVersion]) -> List[str]:
        """What was done to which copy of which key: this is what an auditor reads."""
        words = {one.version: WORDS[DESTROY if self._destroys(one) else ARCHIVE] for one in todo}
        rows = [f"{self._store.identity()} {one.version}: key {one.spki_sha256} {words[one.version]}" for one in todo if one.spki_sha256]
        return [*rows, *self._ending.removed][:MOST_EVIDENCE]

    def _record(self, action: str, todo: Sequence[StoredVersion], more: Mapping[str, Any]) -> None:
        text = self._said(todo) if action == "outcome" else _plan(todo, self._ending)
        self._ledger.append(
            [event(action, STEP, one, self._ending.labels, self._run_id, self._ending.reason, text, **more) for one in todo]
        )

    def _facts(self, versions: Sequence[StoredVersion]) -> Dict[str, Any]:
        held = [one.version for one in versions if self._holds(one)]
        evidence = {"revoked": list(self._revoked), "removed": list(self._ending.removed)[:MOST_EVIDENCE], "keys_held": held}
        return {**_summary(versions), "key": WORDS[self._ending.key], **evidence}

    def _said(self, todo: Sequence[StoredVersion]) -> str:
        kept = (
            "its keys are kept in the secret store" if self._ending.key == ARCHIVE else "its keys are destroyed there, but not in backups"
        )
        revoked = f"{len(self._revoked)} revoked as {self._ending.reason}" + "".join(f"; {why}" for why in dict.fromkeys(self._not_revoked))
        return f"{self._ending.lineage} has ended: {len(todo)} versions, {revoked}; {kept}; the record stays"


def _summary(versions: Sequence[StoredVersion]) -> Dict[str, Any]:
    return {"state": versions[-1].state, "versions": [public_facts(one) for one in versions]}


def _plan(todo: Sequence[StoredVersion], ending: Ending) -> str:
    ids = ", ".join(one.version for one in todo[-5:])
    return f"versions {ids}: revoke what is valid as {ending.reason}, {ending.key} the keys, keep the record"


def lift(
    lineage: str,
    *,
    store: SecretStore,
    ledger: Recorder,
    clock: Clock,
    run_id: str,
    check_mode: bool = False,
    pause: Optional[Pause] = None,
) -> Outcome:
    """The outcome of giving the name free again: what was retired is never served again, a new version may be issued."""
    try:
        return _lift(lineage, store, ledger, clock, run_id, check_mode, pause)
    except ClmError as error:
        return failed("lift", ClmError(f"{lineage}: {error.message}", hint=error.hint or "mend that and run again", field=error.field))


def _lift(
    lineage: str, store: SecretStore, ledger: Recorder, clock: Clock, run_id: str, check_mode: bool, pause: Optional[Pause]
) -> Outcome:
    versions = store.versions(lineage)
    before = _summary(versions) if versions else {}
    if retirement(versions) is None:
        return Outcome(UNCHANGED, "lift", None, before, before, f"{lineage} is not retired")
    reason = Reason("forced", f"{lineage} was asked to go on")
    ended = [one for one in versions if one.state == RETIRED]
    if check_mode:
        return Outcome(PLANNED, "lift", reason, before, {**before, "state": "rejected"}, f"{lineage} could be issued again")
    lease = lease_of_any(store, lineage, pause)
    try:
        _refuse_moved(store, lineage, versions)
        _lift_under(lease, ended, store, ledger, clock, run_id, reason)
    finally:
        with suppress(ClmError):
            store.end(lease)
    message = f"{lineage} may be issued again, with a new key; what was retired is never served again"
    return Outcome(DONE, "lift", reason, before, _summary(store.versions(lineage)), message, "run certops.clm.rotate to issue it")


def _lift_under(
    lease: Lease, ended: Sequence[StoredVersion], store: SecretStore, ledger: Recorder, clock: Clock, run_id: str, reason: Reason
) -> None:
    ledger.append([event("intent", "lift", one, {}, run_id, "forced", reason.sentence) for one in ended])
    for one in reversed(ended):
        holds = isinstance(store, VersionDropper) and store.holds_key(lease.lineage, one.version)
        meta = {**one.meta, "lifted": {"at": rfc3339(clock()), "run_id": run_id}}
        store.save(lease, replace(one, state="rejected" if holds else DROPPED, meta=meta))
    store.flush()
    ledger.append([event("outcome", "lift", one, {}, run_id, "forced", reason.sentence, state=DONE) for one in ended])


def _refuse_moved(store: SecretStore, lineage: str, judged: Sequence[StoredVersion]) -> None:
    """Under the lease: what another run has changed meanwhile was not judged."""
    if [(one.version, one.state) for one in store.versions(lineage)] != [(one.version, one.state) for one in judged]:
        raise BusyError(f"another run has worked on {lineage} meanwhile", hint=NEXT)
