# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which chain a process writes: the one of its writer, or, while another process has that one, the next of the writer's family.

`web-1a2b3c4d`, `web-1a2b3c4d@2`, ...: as many as ever wrote at once, since every process takes the first that is free. So two
containers of one host name, or slices on one node, neither wait for each other nor write between each other's lines. A writer_id
has no `@`: the chain of a writer that somebody named `web-1a2b3c4d-2` is never taken for one of these.
"""

from __future__ import annotations

import os
from typing import Iterator, List

from . import files
from ._ledger_chain import SUFFIX
from ._ledger_checkpoint import FAMILY
from .contracts import Clock
from .errors import BusyError
from .ledger import Ledger, default_writer_id

MOST = 256


def open_chain(folder: str, writer_id: str, clock: Clock) -> Ledger:
    """The first chain of the family that nobody else writes; an empty `writer_id` is the one of this host."""
    base = files.check_name(writer_id, "writer_id") if writer_id else default_writer_id(folder)
    for name in _family(base):
        try:
            return Ledger(folder, name, clock)
        except BusyError:
            continue
    hint = "see whether so many runs are alive, or give them writer_ids of their own"
    raise BusyError(f"{MOST} processes write to the ledger {folder} as {base}", hint=hint, field="ledger")


def others(ledger: Ledger, base: str, clock: Clock) -> Iterator[Ledger]:
    """The rest of the family that is there and that nobody writes now, each open until the next is asked for."""
    for name in _existing(ledger.folder, base):
        if name == ledger.writer_id:
            continue
        try:
            other = Ledger(ledger.folder, name, clock)
        except BusyError:  # whoever has it covers it at the end of its run
            continue
        with other:
            yield other


def base_of(ledger: Ledger, writer_id: str) -> str:
    """The family's first name."""
    return writer_id or default_writer_id(ledger.folder)


def _family(base: str) -> Iterator[str]:
    yield base
    for number in range(2, MOST + 1):
        yield f"{base}{FAMILY}{number}"


def _existing(folder: str, base: str) -> List[str]:
    there = set(os.listdir(folder))
    return [name for name in _family(base) if name + SUFFIX in there]
