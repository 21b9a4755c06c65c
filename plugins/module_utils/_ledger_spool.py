# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that the ledger could not take: kept in a chain of their own elsewhere, and merged by the next run that can write it.

Each spooled line is known in the ledger by its SHA-256, so a merge that was killed anywhere is finished by the next one, and
no event comes twice.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, Dict, Iterator, List, Mapping, Set, Tuple

from . import files
from ._ledger_chain import RESERVED, chain_files, parse
from ._ledger_writers import open_chain
from .contracts import Clock
from .errors import BusyError, ClmError, MalformedError
from .ledger import Ledger, UnwritableError

MARK = "spooled_sha256"
_IN_LINE = b'"' + MARK.encode("ascii") + b'":"'


def open_spool(folder: str, writer_id: str, clock: Clock) -> Ledger:
    """The chain in the spool's folder; by default the one of this host."""
    return open_chain(folder, writer_id, clock)


def merge(ledger: Ledger, folder: str, clock: Clock) -> Tuple[int, List[str]]:
    """Append everything that was spooled, in its order and each event once, and then remove it; returns how many were new.

    Beside that: what is wrong with files that could not be merged. They are kept, and hinder no others. What another process
    spools or merges right now is left to the next run. UnwritableError when it is the ledger that cannot take them.
    """
    merged, problems = 0, []
    for writer_id, path in chain_files(folder) if folder and os.path.isdir(folder) else ():
        try:
            merged += _merge(ledger, folder, writer_id, path, clock)
        except UnwritableError:
            raise
        except ClmError as error:
            problems.append(f"{path}: {error}")
    return merged, problems


def _merge(ledger: Ledger, folder: str, writer_id: str, path: str, clock: Clock) -> int:
    try:
        spool = Ledger(folder, writer_id, clock)
    except BusyError:
        return 0
    except UnwritableError as error:  # the spool; the ledger is well
        raise ClmError(error.message, hint=error.hint) from error
    with spool:
        spooled = list(_spooled(path, writer_id))
        known = _known(ledger.folder) if spooled else set()
        fresh = [event for event in spooled if event[MARK] not in known]
        ledger.append(fresh)
        try:
            spool.discard()
        except OSError as error:
            raise files.explain(error, path, "remove") from error
    return len(fresh)


def _spooled(path: str, writer_id: str) -> Iterator[Dict[str, Any]]:
    """The events as the ledger takes them: marked, with the time at which they happened."""
    try:
        with open(path, "rb") as file:
            lines: List[bytes] = list(file)
    except OSError as error:
        raise files.explain(error, path, "read") from error
    for line in lines:
        event: Mapping[str, Any] = parse(line)
        plain = {name: value for name, value in event.items() if name not in RESERVED}
        own = {"spooled": True, "spooled_time": str(event.get("time", "")), "spooled_by": writer_id}
        yield {**plain, **own, MARK: hashlib.sha256(line[:-1]).hexdigest()}


def _known(folder: str) -> Set[str]:
    """The SHA-256s of spooled lines that any chain of the ledger has already. A line that cannot be read says nothing here."""
    found: Set[str] = set()
    for _writer_id, path in chain_files(folder):
        try:
            with open(path, "rb", buffering=1024 * 1024) as file:
                found.update(str(_mark(line)) for line in file if _IN_LINE in line)
        except OSError as error:
            raise files.explain(error, path, "read") from error
    return found


def _mark(line: bytes) -> Any:
    try:
        return parse(line).get(MARK)
    except MalformedError:  # torn, or changed: certops.clm.ledger_info says so, and merging twice is better than losing
        return None
