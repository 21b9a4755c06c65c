# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed servers as a target: files, the server's own check, its reload, proof by new connections, a journal for the way back.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import os
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ..contracts import Clock, Deployed, Proof, Target, Version, Where
from ..errors import ClmError, ConfigError, MalformedError
from ..masking import Secret
from ..moments import moment_of
from ..x509 import pem
from . import _server_layout as layout
from . import _server_programs as programs
from ._powers import RefusedError
from ._server_bind import Binder
from ._server_proof import Looker, Pace, answering, look, prove
from ._server_recovery import Recovered, recover
from ._server_refused import Undoing
from ._server_snapshot import deployed_of, snapshot_of, text_of
from ._server_state import Snapshot, State, ref_of
from ._server_where import CERTIFICATE, Place, Program, dead_of, place_of

NAME = "server"
OPTIONS: Dict[str, Any] = {
    "state_dir": {"type": "path", "default": "/var/lib/certops-clm"},
    "timeout": {"type": "float", "default": 30.0},
    "consecutive": {"type": "int", "default": 3},
    "interval": {"type": "float", "default": 0.2},
    "command_timeout": {"type": "float", "default": 60.0},
    "retain": {"type": "int", "default": 7 * 86400},
}
OF_AN_OPEN_JOURNAL = ("former", "replaced")  # what undoes a swap that no reload followed; settled, nothing undoes it


class ServerTarget:
    """The places of one managed host. `staged_keys` is deployment -> path of the key that was handed over."""

    replaces_in_place = False

    def __init__(
        self,
        state: State,
        clock: Clock,
        *,
        pace: Pace,
        seconds: float = 60.0,
        retain: int = 7 * 86400,
        staged_keys: Optional[Mapping[str, str]] = None,
        looker: Looker = look,
    ) -> None:
        self.state, self.clock, self.pace, self.seconds, self.retain = state, clock, pace, seconds, retain
        self.staged_keys = dict(staged_keys or {})
        self.looker = looker
        self._binder = Binder(state, seconds)
        self._places: Dict[str, Place] = {}
        self._answered: Dict[str, FrozenSet[str]] = {}
        self._complaints: Dict[Program, str] = {}

    # --- reading ---

    def place(self, where: Where) -> Place:
        """The checked place of an item."""
        name = str(where.get("id"))
        if name not in self._places:
            self._places[name] = place_of(where)
        return self._places[name]

    def read(self, where: Where) -> Optional[Deployed]:
        """What the files hold; None when there is no certificate file."""
        place = self.place(where)
        contents, _dressed = layout.read(place)
        return None if contents[CERTIFICATE] is None else deployed_of(snapshot_of(place, contents, {}, self.clock))

    def holds(self, where: Where, version: Version) -> bool:
        """True when the files hold this chain with its key, and have the modes and owners that were asked for."""
        place = self.place(where)
        contents, dressed = layout.read(place)
        wanted = [block.der for block in pem.split(version.chain_pem)]
        if layout.chain_of(place, contents) != wanted or not layout.as_wanted(place, dressed) or not layout.opens(place, contents):
            return False
        return layout.match_present(place) == ""

    def needs_key(self, where: Where, version: Version) -> bool:
        """True when the key of the version is not on this host yet."""
        return self._key(self.place(where), version) is None

    def spki_in_use(self, where: Where) -> str:
        """The SHA-256 of the public key of the certificate in place, empty when there is none."""
        place = self.place(where)
        return snapshot_of(place, layout.read(place)[0], {}, self.clock).spki_sha256

    # --- plan ---

    def plan(self, wheres: Sequence[Tuple[Where, Version]]) -> List[Optional[ClmError]]:
        """What speaks against each before any write: a wrong version, a clock, a shared file, a server that is broken already."""
        owners: Dict[str, str] = {}
        answers: List[Optional[ClmError]] = []
        for where, version in wheres:
            try:
                self._check_version(version)
                place = self.place(where)
                layout.check_links(place)
                layout.check_keystore(place)
                self._refuse_lost_key(where, place, version)
                for path in {os.path.realpath(path) for path in place.files.values()}:
                    if owners.setdefault(path, place.id) != place.id:
                        raise ConfigError(f"{path} is a file of {owners[path]} too", hint="make them one deployment with several endpoints")
                answers.append(None)
            except ClmError as error:
                answers.append(error)
        allowed = [self.place(where) for (where, _version), answer in zip(wheres, answers) if answer is None]
        self._complain(allowed)
        return [answer or self._complaint(self.place(where)) for (where, _version), answer in zip(wheres, answers)]

    def _check_version(self, version: Version) -> None:
        facts = pem.leaf_facts(pem.split(version.chain_pem)[0].der)
        now = self.clock()
        if facts.sha256 != version.sha256 or (version.spki_sha256 and facts.spki_sha256 != version.spki_sha256):
            raise MalformedError("the chain does not begin with the certificate that the version names", field="version.chain_pem")
        if facts.not_before > now:
            text = f"the certificate is valid from {facts.not_before:%Y-%m-%dT%H:%M:%SZ}, on this server it is {now:%Y-%m-%dT%H:%M:%SZ}"
            raise ConfigError(text, hint="set the server's clock, or the controller's if that is the wrong one; then run again")
        if facts.not_after <= now:
            raise ConfigError(f"the certificate expired at {facts.not_after:%Y-%m-%dT%H:%M:%SZ}", hint="issue a new one")

    def _refuse_lost_key(self, where: Where, place: Place, version: Version) -> None:
        """A key that was made here is nowhere else: that it is gone is said before anything is written."""
        if where.get("key_origin") != "host" or self._key(place, version) is not None:
            return
        text = f"the key of {version.sha256} is not on this server any more, which made it, and nobody has a copy"
        anew = "set forced for the lineage in the manifest and run certops.clm.rotate: the server then makes a new key"
        hint = f"this version cannot come back; name another with -e clm_version=ID, or {anew}" if where.get("going_back") else anew
        raise RefusedError(text, hint=hint)

    def _complain(self, places: Sequence[Place]) -> None:
        """Ask each server program once what it says of its configuration as it is, unless a certificate file is still missing."""
        for program in {place.program for place in places}:
            mine = [place for place in places if place.program == program]
            whole = all(os.path.exists(path) for place in mine for path in place.files.values())
            self._complaints[program] = programs.check(program, self.seconds) if whole else ""

    def _complaint(self, place: Place) -> Optional[ClmError]:
        complaint = self._complaints.get(place.program)
        if not complaint:
            return None
        text = f"the server's configuration was broken before this run came: {complaint}"
        return RefusedError(text, hint="mend the server's configuration, then run again")

    # --- put ---

    def put(self, where: Where, version: Version) -> str:
        """Keep the version and what is there now durably, open the journal; nothing that the server reads is touched."""
        place = self.place(where)
        key = self._key(place, version)
        if key is None:
            hint = "run it through its action plugin, which hands the key over"
            raise RefusedError(f"the key {version.spki_sha256} is not on this server", hint=hint)
        present, dressed = layout.read(place)
        snapshot = snapshot_of(place, layout.contents_for(place, version, key, present, self.clock()), {}, self.clock)
        self.state.keep(place.id, snapshot)
        self._check_match(place, snapshot.ref)
        self._open(place, snapshot, snapshot_of(place, present, dressed, self.clock))
        self.state.unstage([self.staged_keys[place.id]] if place.id in self.staged_keys else ())
        return snapshot.ref

    def _key(self, place: Place, version: Version) -> Optional[Secret]:
        staged = self.staged_keys.get(place.id)
        if staged and os.path.lexists(staged):
            return layout.key_of(self.state.staged_key(staged))
        kept = self.state.made_key(place.id, version.spki_sha256)
        if kept is None:
            kept = layout.in_pem(place, self.state.key_for(place.id, version.spki_sha256))
        if kept is None or not layout.key_of(kept).reveal():
            present, _dressed = layout.read(place)
            here = snapshot_of(place, present, {}, self.clock)
            kept = layout.in_pem(place, present.get("key") or present.get(CERTIFICATE))
            if here.spki_sha256 != version.spki_sha256 or layout.match_present(place):
                return None
        return layout.key_of(kept) if kept is not None else None

    def _check_match(self, place: Place, ref: str) -> None:
        folder = self.state.version_folder(place.id, ref)
        certificate = os.path.join(folder, CERTIFICATE)
        problem = layout.match_files(place, certificate, os.path.join(folder, "key") if "key" in place.files else certificate)
        if problem:
            self.state.forget(place.id, ref)
            raise RefusedError(
                f"the new version cannot be used: {problem}", hint="make another version of the lineage current, or issue again"
            )

    def _open(self, place: Place, new: Snapshot, present: Snapshot) -> None:
        """Open the journal. `replaced` is what is there now, `former` the journal until now: a swap that is undone is undone to these.

        Of a transaction that did not end, what was there before it stays the way back.
        """
        journal = self.state.journal(place.id)
        unfinished = journal.get("phase") in ("open", "unproven") and present.ref == journal.get("next")
        self.state.keep(place.id, present)
        answered = answering(place.endpoints, place.slot, self.looker) | (frozenset(journal["answered"]) if unfinished else frozenset())
        self._answered[place.id] = answered
        previous = journal["previous"] if unfinished else present.ref
        before = {name: value for name, value in journal.get("former", {}).items() if name != "former"}  # or it would grow for ever
        former = {**journal, "former": before} if before else journal
        opened = {"phase": "open", "previous": previous, "replaced": present.ref, "next": new.ref, "former": former}
        opened.update(answered=sorted(answered), files=dict(place.files), layout=place.layout, at=text_of(self.clock()))
        self.state.write_journal(place.id, opened)

    # --- bind ---

    def bind(self, where: Where, ref: str) -> None:
        """Bind one; `bind_many` says what its errors mean."""
        error = self.bind_many([(where, ref)])[0]
        if error is not None:
            raise error

    def bind_many(self, pairs: Sequence[Tuple[Where, str]]) -> List[Optional[ClmError]]:
        """Swap all, one check and one reload for each server program. RefusedError: its files are as they were, no reload for it."""
        return self._binder.bind([(self.place(where), ref) for where, ref in pairs])

    # --- proof and end ---

    def prove(self, where: Where, sha256: str) -> Proof:
        """Look with new connections at every address of every endpoint."""
        place = self.place(where)
        answered = self._answered.get(place.id)
        if answered is None:
            journal = self.state.journal(place.id)
            answered = frozenset(journal["answered"]) if journal.get("phase") == "open" else frozenset()
        return prove(place.endpoints, sha256, slot=place.slot, answered=answered, pace=self.pace, looker=self.looker)

    def previous(self, where: Where) -> Optional[Deployed]:
        """What was there before the latest transaction; None when nothing was, or it is not kept any more."""
        place = self.place(where)
        ref = self.state.journal(place.id).get("previous")
        snapshot = self.state.version(place.id, ref) if ref else None
        return deployed_of(snapshot) if snapshot is not None and snapshot.sha256 else None

    def phase(self, where: Where) -> str:
        """The phase in the journal."""
        return str(self.state.journal(self.place(where).id).get("phase", ""))

    def settle(self, where: Where, phase: str) -> bool:
        """Write the phase; a commit also drops what retention does not keep."""
        place = self.place(where)
        journal = self.state.journal(place.id)
        if not journal.get("next") or journal.get("phase") == phase:
            return False
        ended = {name: value for name, value in journal.items() if name not in (*OF_AN_OPEN_JOURNAL, "restoring")}
        present, _dressed = layout.read(place)
        if phase == "restored" or (phase == "proven" and ref_of(present) == journal.get("previous")):
            phase = "restored"
            ended.update(next=journal.get("previous"), previous=None)
        self.state.write_journal(place.id, {**ended, "phase": phase, "at": text_of(self.clock())})
        if phase == "committed":
            self._prune(place, ended)
        return True

    def _prune(self, place: Place, journal: Mapping[str, Any]) -> None:
        now = self.clock()
        committed = self.state.version(place.id, str(journal.get("next")))
        if committed is not None:  # its key is in the version, and in the server's file
            self.state.forget_key(place.id, committed.spki_sha256)
        for snapshot in list(self.state.versions(place.id)):
            expired = (until := moment_of(snapshot.not_after)) is not None and until <= now
            old = (made := moment_of(snapshot.created)) is not None and (now - made).total_seconds() > self.retain
            if snapshot.ref != journal.get("next") and (expired or (old and snapshot.ref != journal.get("previous"))):
                self.state.forget(place.id, snapshot.ref)

    def recover(self, wheres: Sequence[Where]) -> Recovered:
        """Mend what killed runs left: no certificate stays beside another one's key, none that the server's own check refuses."""
        dead = {str(where.get("id")): dead_of(where) for where in wheres}
        done = recover(self.state, self.clock, dead)
        places = []
        for where in wheres:
            try:
                places.append(self.place(where))
            except ClmError:  # the run itself says what is wrong with it
                continue
        Undoing(self.state, self.clock, self.seconds, done).work(places, dead)
        return done


def server(options: Mapping[str, Any], clock: Clock, staged_keys: Optional[Mapping[str, str]] = None) -> ServerTarget:
    """The target of the host that this runs on."""
    given = {name: options[name] if options.get(name) is not None else spec["default"] for name, spec in OPTIONS.items()}
    pace = Pace(given["timeout"], given["consecutive"], given["interval"])
    state, seconds, retain = State(given["state_dir"]), given["command_timeout"], given["retain"]
    return ServerTarget(state, clock, pace=pace, seconds=seconds, retain=retain, staged_keys=staged_keys)


def create(options: Mapping[str, Any], clock: Clock) -> Target:
    """The same as every provider has it."""
    return server(options, clock)
