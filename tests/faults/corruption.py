# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found damaged between two runs, and what the messages tell the on-call person to do about it."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from .cell import Cell

CellAct = Callable[["Cell"], None]
YEAR = 365 * 86400


@dataclass(frozen=True)
class Corruption:
    """One kind of damage, done before the run."""

    name: str
    numbers: str
    means: str
    do: CellAct
    mend: CellAct
    tampered: bool = False


def lineage(cell: Cell) -> Path:
    return cell.world.place / "store" / "lineages" / "api"


def chain_file(cell: Cell) -> Path:
    (path,) = (cell.world.place / "ledger").glob("*.jsonl")
    return path


def left(_cell: Cell) -> None:
    """The product heals it itself, or goes on without."""


def from_backup(name: str) -> CellAct:
    """The file of the first version as it was on the day before."""

    def mend(cell: Cell) -> None:
        original = next((cell.world.first / "store" / "lineages" / "api").glob("versions/0*"))
        shutil.copy2(original / name, lineage(cell) / "versions" / original.name / name)

    return mend


def cut_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def in_version(name: str, change: Callable[[Path], None]) -> CellAct:
    return lambda cell: change(next(lineage(cell).glob("versions/0*")) / name)


def nulls(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def newer(path: Path) -> None:
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "format": 99}))


def dangling(cell: Cell) -> None:
    link = lineage(cell) / "current"
    link.unlink()
    link.symlink_to("versions/000009-00000000")


def current_back(cell: Cell) -> None:
    """As lineage_version does it."""
    link = lineage(cell) / "current"
    name = next((cell.world.first / "store" / "lineages" / "api").glob("versions/0*")).name
    if os.readlink(link) == "versions/000009-00000000":
        link.unlink()
        link.symlink_to(f"versions/{name}")


def journal(cell: Cell) -> Path:
    return next(cell.world.folder("state").glob("deployments/*/journal.json"))


def move_away(cell: Cell) -> None:
    """What the message says: look at the server's files, then move the journal away."""
    for path in cell.world.folder("state").glob("deployments/*/journal.json"):
        try:
            json.loads(path.read_text())
        except ValueError:
            path.rename(path.with_name("journal.away"))


def observations(cell: Cell) -> None:
    (cell.world.place / "observations.json").write_text('{"hosts": [')


def torn_log(cell: Cell) -> None:
    with (cell.world.place / "ca" / "issued.jsonl").open("ab") as stream:
        stream.write(b'{"request_id": "api/000002-')


def edited(cell: Cell) -> None:
    path = chain_file(cell)
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b'"team-web"', b'"team-wez"')
    path.write_bytes(b"\n".join(lines))


def tail_cut(cell: Cell) -> None:
    path = chain_file(cell)
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:-3]) + b"\n")


def line_gone(cell: Cell) -> None:
    path = chain_file(cell)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:2], *lines[3:]]))


def torn_tail(cell: Cell) -> None:
    with chain_file(cell).open("ab") as stream:
        stream.write(b'{"action":"intent","lin')


def gone(cell: Cell) -> None:
    chain_file(cell).unlink()


def head_gone(cell: Cell) -> None:
    chain_file(cell).with_suffix(".head").unlink()


def other_writer(cell: Cell) -> None:
    """What the message says: leave it as evidence and choose another writer_id."""
    cell.world.campaign.manifest["ledger"]["writer_id"] = "after-the-incident"


def lease(seconds: int) -> CellAct:
    """Somebody on a machine that is gone had the lineage."""

    def do(cell: Cell) -> None:
        free = next(lineage(cell).glob("free-*"))
        held = free.with_name(f"lease-{int(free.name.partition('-')[2]) + 1}")
        held.symlink_to(f"{int(time.time()) + seconds:x}.root@gone")

    return do


def _state(name: str, do: CellAct, mend: CellAct = left, **more: Any) -> Corruption:
    return Corruption(name, "F25", "the file is changed between two runs", do, mend, **more)


def _ledger(name: str, do: CellAct, mend: CellAct = left, **more: Any) -> Corruption:
    return Corruption(name, "F26", "the ledger is changed between two runs", do, mend, **more)


ALL = (
    Corruption("stale lease", "F23", "the lease of a machine that is gone, which runs out", lease(1), left),
    _state("version.json cut", in_version("version.json", cut_half), from_backup("version.json")),
    _state("version.json newer", in_version("version.json", newer), from_backup("version.json")),
    _state("chain.pem of NULs", in_version("chain.pem", nulls), from_backup("chain.pem")),
    _state("key.pem cut", in_version("key.pem", cut_half), from_backup("key.pem")),
    _state("current dangling", dangling, current_back),
    _state("journal cut", lambda cell: cut_half(journal(cell)), move_away),
    _state("observations cut", observations),
    _state("CA log torn", torn_log),
    _ledger("ledger edited", edited, tampered=True),
    _ledger("ledger line gone", line_gone, other_writer, tampered=True),
    _ledger("ledger tail cut", tail_cut, other_writer, tampered=True),
    _ledger("ledger tail torn", torn_tail),
    _ledger("ledger gone", gone, other_writer, tampered=True),
    _ledger("ledger head gone", head_gone),
)
