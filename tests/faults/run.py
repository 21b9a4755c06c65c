# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault at every step of a rotation, each followed by a rerun and by the invariants I1-I8: results/matrix.json.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/faults/run.py [--subset] [--provider NAME] [--step NAME] [--fault NAME]
       [--cells FILE] [--list] [--worlds N] [--budget MINUTES] [--keep] [--unjudged] [--out FILE]

In pieces: `--keep` leaves the good cells of the file as they are, each with the commit of its own run, and runs what is missing
or was not ok; `--budget` begins no cell after so many minutes. What was not reached is said to be not run.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "dev"))

from ansible_collections.certops.clm.tests.faults import records as kept
from ansible_collections.certops.clm.tests.faults.faults import FAULTS
from ansible_collections.certops.clm.tests.faults.matrix import SUBSET, Place, matrix, not_here
from ansible_collections.certops.clm.tests.faults.providers import ROWS
from ansible_collections.certops.clm.tests.faults.workers import cells_of


def chosen(given: argparse.Namespace) -> List[Place]:
    """The cells that were asked for, the most dangerous fault of each provider first."""
    cells = SUBSET if given.subset else matrix()[0]
    order = {name: number for number, name in enumerate((*ROWS, *FAULTS))}
    asked = (given.provider, given.step, given.fault)
    wanted = [place for place in cells if all(want in ("", part) for want, part in zip(asked, place))]
    if given.cells:
        there = {" x ".join(place): place for place in wanted}
        return [there[line] for line in given.cells.read_text().splitlines() if line in there]
    return sorted(wanted, key=lambda place: (order[place[0]], place not in SUBSET, order[place[2]]))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subset", action="store_true", help="the most dangerous ones only")
    for name in ("provider", "step", "fault"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--cells", type=Path, help="only those of a file, in its order; its lines are as --list says them")
    parser.add_argument("--list", action="store_true", help="only say which cells there are")
    parser.add_argument("--worlds", type=int, default=max(2, os.cpu_count() or 2), help="how many run side by side")
    parser.add_argument("--budget", type=float, default=0, help="after so many minutes no more cells are begun; 0: no end")
    parser.add_argument("--keep", action="store_true", help="cells that the file says are ok are not run again")
    parser.add_argument("--again", action="store_true", help="with --keep: those of another commit are run again, after all others")
    parser.add_argument("--unjudged", action="store_true", help="what is broken is kept as not judged yet, which README names")
    parser.add_argument("--out", type=Path, help=f"the file; for a part of the matrix there is none without it, else {kept.RESULTS.name}")
    return parser.parse_args()


def left(given: argparse.Namespace, cells: List[Place], had: Dict[Place, Any], commit: str) -> List[Place]:
    """What is to be run now: what has no good record, and with --again what has an older one."""
    good = {place for place, one in had.items() if kept.word_of(one) == "ok"}
    missing = [place for place in cells if place not in good]
    older = [place for place in cells if place in good and had[place]["commit"] != commit]
    return missing + (older if given.again else [])


def main() -> None:
    """Run, tell, and keep."""
    given = parsed()
    cells = chosen(given)
    if given.list:
        print("\n".join(" x ".join(place) for place in cells), f"\n{len(cells)} cells")
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    whole = not (given.subset or given.cells or given.provider or given.step or given.fault)
    out = given.out or (kept.RESULTS if whole or given.keep else None)
    had = {kept.place_of(one): one for one in kept.kept(out)} if given.keep and out else {}
    began, commit = time.monotonic(), kept.commit()
    todo = left(given, cells, had, commit)
    for place in [place for place in todo if not_here(place[2])]:
        had[place] = kept.not_run(place, not_here(place[2]))
        todo.remove(place)
    until = began + given.budget * 60 if given.budget else None
    bad, came = 0, 0
    for came, record in enumerate(cells_of(todo, given.worlds, commit, until), 1):
        is_bad = kept.word_of(record) != "ok"
        had[kept.place_of(record)] = kept.unjudged(record) if is_bad and given.unjudged else record
        bad += is_bad
        word = "; ".join(record["broken"]) or kept.word_of(record)
        print(f"{came}/{len(todo)} {' x '.join(kept.place_of(record))}: {word} ({record['seconds']} s)", flush=True)
        if out:
            kept.write(out, list(had.values()), time.monotonic() - began, given.worlds)
    print(f"{len(cells)} cells, {len(todo)} to run, {came} were run, {bad} of them are not ok, {time.monotonic() - began:.0f} s")
    sys.exit(1 if bad or (came < len(todo) and not given.budget) else 0)


if __name__ == "__main__":
    main()
