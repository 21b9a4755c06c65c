# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The append-only record of events: one chain of lines for each writer, durable on return, verified offline.

Files in the ledger's folder: `<writer_id>.jsonl` the chain, `<writer_id>.head` where it ended when it was last closed,
`<writer_id>.torn-<seq>` bytes that a crash left behind the last whole line. One writer at a time has a chain (flock).
"""

from __future__ import annotations

import hashlib
import heapq
import json
import os
import secrets
import socket
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, Mapping, Optional, Protocol, Sequence, Tuple

from . import durable, files
from ._ledger_chain import LONGEST_LINE, SUFFIX, Head, Verification, chain_files, head_path, line_of, parse, read_head, verify_folder, walk
from ._ledger_checkpoint import is_chain
from ._ledger_files import lock, make_folder
from ._ledger_key import create_once
from .contracts import Clock
from .errors import BusyError, ClmError, ConfigError, MalformedError, NotFoundError
from .identifiers import slug

__all__ = ["Ledger", "NullLedger", "Recorder", "UnwritableError", "Verification", "default_writer_id", "read", "verify"]

ROOM = 256 * 1024  # what there has to be room for before anything is begun: the events of some hundred deployments


class UnwritableError(ClmError):
    """The ledger cannot be written: read-only, full, or not allowed. Not that somebody changed it, or has it open."""

    runbook = "ledger"


class Recorder(Protocol):
    """What a flow needs of a ledger."""

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Record the events, in their order; durable on return."""


class NullLedger:
    """A ledger that keeps nothing: for check mode, where nothing happens that could be recorded."""

    shut = None
    facts: Mapping[str, Any] = {}
    problems: Sequence[str] = ()

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Forget the events."""

    def close(self) -> None:
        """Nothing to close."""


class Ledger:
    """The writer of one chain. BusyError when somebody else has it open; a tail torn by a crash is repaired and recorded."""

    def __init__(self, folder: str, writer_id: str, clock: Clock) -> None:
        self.folder = os.path.abspath(folder)
        self.writer_id = writer_id if is_chain(writer_id) else files.check_name(writer_id, "writer_id")
        self.path = os.path.join(self.folder, writer_id + SUFFIX)
        self._clock = clock
        self._broken = ""
        try:
            make_folder(self.folder, 0o750)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise _unwritable(error, self.path, "open the ledger") from error
        try:
            self._lock()
            if not os.fstat(self._descriptor).st_size:  # new, or its maker died before this
                durable.sync_folder(self.folder)
            self._head = self._last_head()
        except OSError as error:
            os.close(self._descriptor)
            raise _unwritable(error, self.path, "open the ledger") from error
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Record the events, in their order, by one write and one fsync; after an error none of them is recorded."""
        if self._broken:
            raise ClmError(self._broken, hint="open the ledger again: it repairs itself")
        time = _text(self._clock())
        head, lines = self._head, []
        seq, prev = head.seq, head.sha256
        for event in events:
            line = line_of(event, seq + 1, prev, time)
            seq, prev = seq + 1, hashlib.sha256(line).hexdigest()
            lines.append(line)
        if lines:
            data = b"\n".join(lines) + b"\n"
            self._refuse_interleaved()
            self._write(data)
            self._head = Head(seq, prev, head.size + len(data), len(lines[-1]) + 1)

    @property
    def lines(self) -> int:
        """How many lines the chain has."""
        return self._head.seq

    def check_room(self) -> None:
        """Return when some hundred events more could be written; UnwritableError when not, before anything was begun."""
        probe = os.path.join(self.folder, f".{self.writer_id[:100]}.{secrets.token_hex(4)}.room")
        try:
            try:
                files.write_new(probe, b"\0" * ROOM)
                durable.sync((probe,), ())
            finally:
                files.remove(probe)
        except OSError as error:
            raise _unwritable(error, self.path, "write to the ledger") from error

    def discard(self) -> None:
        """Remove the whole chain, whose events are durable elsewhere. The head goes first: without it a chain is whole."""
        try:
            files.remove(head_path(self.folder, self.writer_id))
            files.remove(self.path)
            durable.sync_folder(self.folder)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def close(self) -> None:
        """Keep where the chain ends, and let another writer have it."""
        if self._descriptor < 0:
            return
        try:
            if not self._broken:
                files.write(head_path(self.folder, self.writer_id), json.dumps(self._head.__dict__).encode("ascii"), mode=0o640)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _lock(self) -> None:
        if not lock(self._descriptor, self.path) or os.fstat(self._descriptor).st_nlink == 0:
            raise self._busy()  # without a link another process has just merged and discarded it

    def _busy(self) -> BusyError:
        hint = "wait for it, or give this writer a writer_id of its own"
        return BusyError(f"another process writes to the ledger {self.path}", hint=hint)

    def _refuse_interleaved(self) -> None:
        """Where a file system has no locks, another process may have written: its line is behind ours, and ours must be behind its."""
        if os.fstat(self._descriptor).st_size != self._head.size:
            self._broken = f"another process has written to the ledger {self.path} since it was opened"
            raise self._busy()

    def _write(self, data: bytes) -> None:
        try:
            files.write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except OSError as error:
            self._broken = f"the ledger {self.path} could not be written"
            with suppress(OSError):  # the file system may be read-only by now
                os.ftruncate(self._descriptor, self._head.size)
            if error.errno is not None and os.fstat(self._descriptor).st_size == self._head.size:
                self._broken = ""
            raise _unwritable(error, self.path, "write to the ledger") from error

    def _last_head(self) -> Head:
        """Verify what was written since the chain was last closed, and repair a torn end."""
        kept = read_head(self.folder, self.writer_id) or Head()
        size = os.fstat(self._descriptor).st_size
        head, torn = self._walk(kept, size)
        if head.size == size:
            return head
        evidence = os.path.join(self.folder, f"{self.writer_id}.torn-{head.seq + 1}")
        try:
            files.write(evidence, torn, mode=0o640)
        except ClmError as error:
            raise UnwritableError(error.message, hint=error.hint) from error
        os.ftruncate(self._descriptor, head.size)
        self._head = head
        self.append(
            [
                {
                    "action": "ledger_repaired",
                    "message": f"{len(torn)} bytes behind line {head.seq} were torn by a crash and moved to {os.path.basename(evidence)}",
                    "sha256": hashlib.sha256(torn).hexdigest(),
                }
            ]
        )
        return self._head

    def _walk(self, kept: Head, size: int) -> Tuple[Head, bytes]:
        """The head after the last whole line behind the kept head, and the torn bytes that follow it."""
        if kept.size > size:
            raise self._refusal(f"it is {size} bytes long, and was {kept.size} when it was closed: its tail was cut")
        with open(self._descriptor, "rb", closefd=False) as file:
            self._check_kept(file, kept)
            head, problem = kept, ""
            try:
                for after in walk(iter(lambda: file.readline(LONGEST_LINE + 2), b""), kept):
                    head = after
            except MalformedError as error:
                problem = error.message
            file.seek(head.size)
            rest = file.read()
        if problem and rest.endswith(b"\n") and b"\0" not in rest:
            raise self._refusal(f"line {head.seq + 1}: {problem}")
        return head, rest

    def _check_kept(self, file: Any, kept: Head) -> None:
        """The bytes before the kept head must end with the very line that it names; leaves the file behind that line."""
        file.seek(kept.size - kept.last)
        line = file.read(kept.last)
        if kept.seq and hashlib.sha256(line[:-1]).hexdigest() != kept.sha256:
            raise self._refusal(f"line {kept.seq} is not the one that its head file names")

    def _refusal(self, problem: str) -> ClmError:
        return ConfigError(
            f"the ledger {self.path} was changed: {problem}",
            hint="look at it with certops.clm.ledger_info; to go on, leave it as evidence and choose another writer_id",
            runbook="ledger",
        )


def verify(folder: str) -> Verification:
    """Verify every chain in the folder, offline; NotFoundError when there is no folder."""
    chains = verify_folder(folder)
    return Verification(
        ok=all(chain.first_bad_line is None for chain in chains),
        chains=[chain.as_dict() for chain in chains],
        events=sum(chain.events for chain in chains),
    )


def read(folder: str) -> Iterator[Dict[str, Any]]:
    """Every event with its `writer_id`, each chain in its own order and the chains merged by time; MalformedError names a bad line."""
    return heapq.merge(*(_events(writer_id, path) for writer_id, path in chain_files(folder)), key=_order)


def _order(event: Mapping[str, Any]) -> Tuple[str, str, int]:
    return str(event.get("time", "")), event["writer_id"], int(event.get("seq") or 0)


def _events(writer_id: str, path: str) -> Iterator[Dict[str, Any]]:
    with open(path, "rb", buffering=1024 * 1024) as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):  # being written now, or torn by a crash: nobody was told that it is recorded
                return
            try:
                yield {**parse(line), "writer_id": writer_id}
            except MalformedError as error:
                message, hint = f"{path} line {number}: {error.message}", "certops.clm.ledger_info says more"
                raise MalformedError(message, hint=hint, runbook="ledger") from None


def default_writer_id(folder: str, hostname: Optional[str] = None) -> str:
    """The id of this host's chain in the folder: a slug of the host's name and 8 random hex digits, kept in the folder."""
    host = slug(hostname or socket.gethostname())
    path = os.path.join(folder, f".writer-{host}")
    try:
        return files.check_name(files.read(path, 256).decode("ascii", "replace").strip(), "writer_id")
    except NotFoundError:
        pass
    except ConfigError:
        raise
    except ClmError as error:
        raise UnwritableError(error.message, hint=error.hint) from error
    writer_id = f"{host[:100]}-{secrets.token_hex(4)}"
    try:
        make_folder(folder, 0o750)
        first = create_once(path, writer_id.encode("ascii"), 0o640)
    except OSError as error:
        raise _unwritable(error, folder, "write to the ledger") from error
    return writer_id if first else default_writer_id(folder, hostname)


def _unwritable(error: OSError, path: str, doing: str) -> UnwritableError:
    told = files.explain(error, path, doing)
    return UnwritableError(told.message, hint=told.hint)


def _text(moment: datetime) -> str:
    """RFC 3339, UTC, microseconds: sorts as text."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
