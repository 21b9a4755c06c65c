# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a ledger: canonical JSON, each with `seq` and the SHA-256 of the line before, and how they are verified.

A chain shows every change of a line that another one follows. The last line, and a tail that was cut, show only against
something kept apart: the chain's head file here (whoever can write one can write the other), a checkpoint elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from . import files
from ._ledger_files import is_being_written
from .errors import ConfigError, MalformedError, NotFoundError

FIRST_PREV = "0" * 64
SUFFIX = ".jsonl"
RESERVED = frozenset({"seq", "prev", "time"})
TORN = "the line is torn: it does not end"
LONGEST_LINE = 1024 * 1024
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")).encode
_plain = (str, int, bool, type(None))


@dataclass(frozen=True)
class Head:
    """Where a chain ends: the number and SHA-256 of its last line, the chain's length and the last line's, in bytes."""

    seq: int = 0
    sha256: str = FIRST_PREV
    size: int = 0
    last: int = 0


@dataclass(frozen=True)
class Chain:
    """What verifying one chain showed; `first_bad_line` counts from 1 and is None when the chain is whole.

    `torn` says that a crash left the beginning of a line behind the last whole one: nobody was told that it is recorded.
    """

    writer_id: str
    events: int
    first_bad_line: Optional[int]
    problem: str
    head: str
    torn: bool = False

    def as_dict(self) -> Dict[str, Any]:
        """The chain as results carry it."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Verification:
    """What verifying a folder showed; `ok` is False as soon as one chain is not whole."""

    ok: bool
    chains: List[Dict[str, Any]]
    events: int


def line_of(event: Mapping[str, Any], seq: int, prev: str, time: str) -> bytes:
    """One event as a canonical line without its newline; ConfigError when it cannot be one (floats, keys, secrets)."""
    reserved = RESERVED & event.keys()
    if reserved:
        raise ConfigError(f"an event cannot set {', '.join(sorted(reserved))}")
    for name, value in event.items():
        if type(value) not in _plain or not isinstance(name, str) or not name.isascii():
            _check(name, value)
    text = _encode({**event, "seq": seq, "prev": prev, "time": time})
    if "PRIVATE KEY-----" in text:
        raise ConfigError("an event holds a private key: refused")
    if len(text) > LONGEST_LINE:
        raise ConfigError(f"an event is longer than {LONGEST_LINE} bytes")
    return text.encode("ascii")


def _check(name: Any, value: Any) -> None:
    """Floats have no canonical form (RFC 8785 section 3.2.2.3 needs an algorithm of its own for them), so none are taken."""
    if not isinstance(name, str) or not name.isascii():
        raise ConfigError(f"an event's field names are ASCII, {name!r} is not")
    if isinstance(value, Mapping):
        for inner, item in value.items():
            _check(inner, item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(name, item)
    elif not isinstance(value, _plain):
        raise ConfigError(f"an event's field {name} is a {type(value).__name__}: only text, whole numbers, true, false, null", field=name)


def walk(lines: Iterator[bytes], head: Head) -> Iterator[Head]:
    """The head after each line that rightly follows; MalformedError with what is wrong at the first one that does not."""
    seq, prev, size = head.seq, head.sha256, head.size
    for line in lines:
        event = parse(line)
        if event.get("seq") != seq + 1:
            raise MalformedError(f"seq is {event.get('seq')!r} where {seq + 1} belongs: a line was removed, added or moved")
        if event.get("prev") != prev:
            raise MalformedError("prev is not the SHA-256 of the line before: that line was changed")
        seq, prev, size = seq + 1, hashlib.sha256(line[:-1]).hexdigest(), size + len(line)
        yield Head(seq, prev, size, len(line))


def parse(line: bytes) -> Dict[str, Any]:
    """One line, with its newline, as an event; MalformedError when it is none."""
    if not line.endswith(b"\n"):
        raise MalformedError(TORN)
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        raise MalformedError("the line is not JSON") from None
    if not isinstance(event, dict):
        raise MalformedError("the line is not an event")
    return event


def chain_files(folder: str) -> List[Tuple[str, str]]:
    """Writer id and path of each chain in the folder, sorted; NotFoundError when there is no folder."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise files.explain(error, folder, "read the ledger in") from error
    return [(name[: -len(SUFFIX)], os.path.join(folder, name)) for name in names if name.endswith(SUFFIX) and not name.startswith(".")]


def head_path(folder: str, writer_id: str) -> str:
    """The file that says where the chain ended when its writer last closed it."""
    return os.path.join(folder, f"{writer_id}.head")


def read_head(folder: str, writer_id: str) -> Optional[Head]:
    """The kept head, None when there is none or it was torn."""
    try:
        data = json.loads(files.read(head_path(folder, writer_id), 4096))
        head = Head(**data)
    except (NotFoundError, ValueError, TypeError):
        return None
    numbers = (head.seq, head.size, head.last)
    whole = all(isinstance(number, int) and number >= 0 for number in numbers) and head.last <= head.size
    return head if whole and isinstance(head.sha256, str) and len(head.sha256) == 64 else None


def verify_chain(folder: str, writer_id: str, path: str) -> Chain:
    """Read one chain from its first line to its last and compare its end with the kept head."""
    kept = read_head(folder, writer_id)
    head, passed, problem = Head(), kept is None or kept == Head(), ""
    try:
        with open(path, "rb", buffering=1024 * 1024) as file:
            for head in walk(iter(lambda: file.readline(LONGEST_LINE + 2), b""), Head()):
                passed = passed or head == kept
    except MalformedError as error:
        problem = error.message
    except OSError as error:
        raise files.explain(error, path, "read") from error
    living = problem == TORN and is_being_written(path)
    torn = problem == TORN and not living and _is_torn(path, head.size)
    if problem and not living and not torn:
        return Chain(writer_id, head.seq, head.seq + 1, problem, head.sha256)
    if kept is not None and not passed:
        line, problem = _end(head, kept)
        return Chain(writer_id, head.seq, line, problem, head.sha256, torn)
    return Chain(writer_id, head.seq, None, "", head.sha256, torn)


def _is_torn(path: str, size: int) -> bool:
    """True when no line ends behind so many bytes: the rest is the beginning of one, and nothing stands after it."""
    with open(path, "rb") as file:
        file.seek(size)
        return not any(b"\n" in block for block in iter(lambda: file.read(LONGEST_LINE), b""))


def verify_folder(folder: str) -> List[Chain]:
    """Every chain in the folder, also one of which only the head file is left."""
    found = chain_files(folder)
    there = {writer_id for writer_id, _path in found}
    heads = sorted(name[:-5] for name in os.listdir(folder) if name.endswith(".head"))
    lost = [Chain(writer_id, 0, 1, "the chain is gone: only its head file is left", "") for writer_id in heads if writer_id not in there]
    return [verify_chain(folder, writer_id, path) for writer_id, path in found] + lost


def _end(head: Head, kept: Head) -> Tuple[int, str]:
    """The first bad line and the problem of a chain that is whole in itself, but not the one that was closed."""
    if head.seq < kept.seq:
        return head.seq + 1, f"the chain ends at line {head.seq}, its head file says {kept.seq}: the tail was cut"
    return kept.seq, f"line {kept.seq} is not the one that its head file names: it was changed, or the file was replaced"
