# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger of three chains with checkpoints in a second place, and what somebody who can write the ledger may do to it."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List

from ansible_collections.certops.clm.plugins.module_utils._ledger_checkpoint import Checkpoint, file_name, origin_of
from ansible_collections.certops.clm.plugins.module_utils._ledger_key import signing_key
from ansible_collections.certops.clm.plugins.module_utils._ledger_note import sign
from ansible_collections.certops.clm.plugins.module_utils._ledger_session import Session, opened
from ansible_collections.certops.clm.plugins.module_utils._ledger_tree import roots

START = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


class Clock:
    """Goes on by a second with every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class Estate:
    """Ledger, second place and key, each in a folder of its own."""

    place: Path

    @property
    def ledger(self) -> Path:
        return self.place / "ledger"

    @property
    def checkpoints(self) -> Path:
        return self.place / "second" / "checkpoints"

    @property
    def store(self) -> Dict[str, Any]:
        return {"type": "directory", "path": str(self.place / "store")}

    def options(self, writer: str, **more: Any) -> Dict[str, Any]:
        given = {"path": str(self.ledger), "writer_id": writer, "checkpoints": {"path": str(self.checkpoints)}}
        return {**given, **more}

    def run(self, writer: str, count: int, **more: Any) -> Session:
        """One run that records so many events."""
        with opened(self.options(writer, **more), self.store, Clock()) as session:
            session.append([{"action": "outcome", "deployment": f"{writer}-{number}", "state": "done"} for number in range(count)])
        return session

    def chain(self, writer: str) -> Path:
        return self.ledger / f"{writer}.jsonl"

    def lines(self, writer: str) -> List[bytes]:
        return self.chain(writer).read_bytes().splitlines(keepends=True)


def rewrite(estate: Estate, writer: str, lines: List[bytes]) -> None:
    """What a thorough forger does: hashes and numbers made right again, and the head file too."""
    prev, found = "0" * 64, []
    for number, line in enumerate(lines, 1):
        event = {**json.loads(line), "seq": number, "prev": prev}
        found.append(json.dumps(event, sort_keys=True, separators=(",", ":")).encode() + b"\n")
        prev = hashlib.sha256(found[-1][:-1]).hexdigest()
    estate.chain(writer).write_bytes(b"".join(found))
    head = {"seq": len(found), "sha256": prev, "size": sum(map(len, found)), "last": len(found[-1]) if found else 0}
    (estate.ledger / f"{writer}.head").write_text(json.dumps(head))


def edit(estate: Estate, writer: str, chance: random.Random) -> None:
    """One line changed, everything after it made right."""
    lines = estate.lines(writer)
    number = chance.randrange(len(lines))
    lines[number] = lines[number].replace(b'"done"', b'"failed"')
    rewrite(estate, writer, lines)


def edit_roughly(estate: Estate, writer: str, chance: random.Random) -> None:
    """One line changed, and nothing else."""
    lines = estate.lines(writer)
    number = chance.randrange(len(lines))
    lines[number] = lines[number].replace(b'"done"', b'"failed"')
    estate.chain(writer).write_bytes(b"".join(lines))


def cut(estate: Estate, writer: str, chance: random.Random) -> None:
    """A tail of n lines away, and the head file moved back."""
    lines = estate.lines(writer)
    rewrite(estate, writer, lines[: -chance.randint(1, len(lines))])


def drop(estate: Estate, writer: str, chance: random.Random) -> None:
    """A line in the middle away, everything after it made right."""
    lines = estate.lines(writer)
    del lines[chance.randrange(len(lines))]
    rewrite(estate, writer, lines)


def add(estate: Estate, writer: str, chance: random.Random) -> None:
    """A line more, somewhere before the last one."""
    lines = estate.lines(writer)
    lines.insert(chance.randrange(len(lines)), lines[0].replace(b'"done"', b'"failed"'))
    rewrite(estate, writer, lines)


def rewrite_all(estate: Estate, writer: str, chance: random.Random) -> None:
    """Every line another one."""
    rewrite(estate, writer, [line.replace(b'"done"', b'"failed"') for line in estate.lines(writer)])


def remove(estate: Estate, writer: str, chance: random.Random) -> None:
    """The chain and its head file away."""
    estate.chain(writer).unlink()
    (estate.ledger / f"{writer}.head").unlink()


def exchange(estate: Estate, writer: str, chance: random.Random) -> None:
    """The chain of another writer in its place."""
    other = chance.choice([one for one in ("w1", "w2", "w3") if one != writer])
    for suffix in ("jsonl", "head"):
        shutil.copy(estate.ledger / f"{other}.{suffix}", estate.ledger / f"{writer}.{suffix}")


def forge(estate: Estate, writer: str, chance: random.Random) -> None:
    """Everything anew, and a checkpoint for it by a key of the forger's own."""
    lines = estate.lines(writer)
    rewrite(estate, writer, [line.replace(b'"done"', b'"failed"') for line in [*lines, *lines[:3]]])
    with estate.chain(writer).open("rb") as file:
        found = roots(file)
    size = max(found)
    own = signing_key(str(estate.place / "forger" / "key.pem"), known=False)
    note = sign(Checkpoint(origin_of(writer), size, found[size]).text, origin_of(writer), own)
    (estate.checkpoints / file_name(writer, size)).write_bytes(note)


def replay(estate: Estate, writer: str, chance: random.Random) -> None:
    """The chain cut to an old checkpoint, and that one put in the place of every newer one."""
    files = sorted(estate.checkpoints.glob(f"{writer}.*.checkpoint"))
    for newer in files[1:]:
        newer.write_bytes(files[0].read_bytes())
    rewrite(estate, writer, estate.lines(writer)[: int(files[0].name.split(".")[-2])])


def replay_of_another(estate: Estate, writer: str, chance: random.Random) -> None:
    """Another chain and its checkpoints under this one's name, the other one's vkey too."""
    other = "w1" if writer != "w1" else "w2"
    for path in estate.checkpoints.glob(f"{writer}.*"):
        path.unlink()
    for path in list(estate.checkpoints.glob(f"{other}.*")):
        shutil.copy(path, estate.checkpoints / path.name.replace(other, writer, 1))
    for suffix in ("jsonl", "head"):
        shutil.copy(estate.ledger / f"{other}.{suffix}", estate.ledger / f"{writer}.{suffix}")


ATTACKS: Dict[str, Callable[[Estate, str, random.Random], None]] = {
    act.__name__: act for act in (edit, edit_roughly, cut, drop, add, rewrite_all, remove, exchange, forge, replay, replay_of_another)
}


def make(place: Path) -> Estate:
    """Three writers, three runs each."""
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    estate = Estate(place)
    for writer, counts in {"w1": (4, 3, 5), "w2": (2, 6, 1), "w3": (1, 1, 9)}.items():
        for count in counts:
            session = estate.run(writer, count)
            assert not session.problems, session.problems
    return estate
