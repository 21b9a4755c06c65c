# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault at every step of a rotation, each followed by a rerun and by the invariants I1-I8: results/matrix.json.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/faults/run.py [--subset] [--step NAME] [--fault NAME] [--list] [--out FILE]
       [--minutes N] [--keep FILE]   in pieces
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "dev"))

from ansible_collections.certops.clm.tests.faults.cell import run_cell
from ansible_collections.certops.clm.tests.faults.faults import FAULTS
from ansible_collections.certops.clm.tests.faults.matrix import SUBSET, Pair, matrix, not_here
from ansible_collections.certops.clm.tests.faults.world import World

RESULTS = Path(__file__).with_name("results") / "matrix.json"
BETWEEN = ("files_between: certificate and key are two files with two renames; a kill between them leaves them apart on the disk until the "
           "next run mends it, while the server serves what it has in memory")  # fmt: skip


def chosen(given: argparse.Namespace) -> List[Pair]:
    """The cells that were asked for."""
    cells = SUBSET if given.subset else matrix()[0]
    order = {fault: number for number, fault in enumerate(FAULTS)}  # the most dangerous first
    wanted = [(step, fault) for step, fault in cells if given.step in ("", step) and given.fault in ("", fault)]
    return wanted if given.subset else sorted(wanted, key=lambda pair: order[pair[1]])


def run(cells: List[Pair], minutes: float = 0) -> Iterator[Dict[str, Any]]:
    """One record for each, one after the other."""
    world, until = World().start(), time.monotonic() + minutes * 60
    try:
        for number, (step, fault) in enumerate(cells, 1):
            reason = not_here(fault) or (f"not run: after {minutes:.0f} minutes" if minutes and time.monotonic() > until else "")
            record = {"step": step, "fault": fault, "not_run": reason} if reason else guarded(world, step, fault)
            word = reason or "; ".join(record["broken"]) or ("ok" if record["caught"] else "NOT CAUGHT")
            print(f"{number}/{len(cells)} {step} x {fault}: {word} ({record.get('seconds', 0)} s)", flush=True)
            yield record
    finally:
        world.stop()


def guarded(world: World, step: str, fault: str) -> Dict[str, Any]:
    """A cell of which the runner itself falls is broken too."""
    try:
        return run_cell(world, step, FAULTS[fault])
    except Exception as error:
        return {"step": step, "fault": fault, "broken": [f"the cell could not be run: {type(error).__name__}: {error}"], "caught": True}


def earlier(path: Path) -> Tuple[List[Dict[str, Any]], Set[Pair]]:
    """Of an earlier matrix.json: the cells that were run and broke nothing, and those that are to be run first."""
    records = [one for one in json.loads(path.read_text())["records"] if not one.get("not_run")]
    good = [one for one in records if not one["broken"] and one["caught"]]
    return good, {(one["step"], one["fault"]) for one in records if one not in good}


def machine() -> Dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return {"system": platform.platform(), "processors": os.cpu_count(), "commit": commit,
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}  # fmt: skip


def summary(records: List[Dict[str, Any]], seconds: float) -> Dict[str, Any]:
    """What a table is made from: `table[step][fault]` is ok, broken, not caught or not run."""
    table: Dict[str, Dict[str, str]] = {}
    for one in records:
        word = "not run" if one.get("not_run") else "broken" if one["broken"] else "ok" if one["caught"] else "not caught"
        table.setdefault(one["step"], {})[one["fault"]] = word
    counted = Counter(word for row in table.values() for word in row.values())
    return {"machine": machine(), "seconds": round(seconds), "cells": len(records), "counts": dict(counted), "notes": [BETWEEN],
            "table": table}  # fmt: skip


def main() -> None:
    """Run, tell, and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subset", action="store_true", help="the most dangerous ones only")
    parser.add_argument("--step", default="")
    parser.add_argument("--fault", default="")
    parser.add_argument("--list", action="store_true", help="only say which cells there are")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--minutes", type=float, default=0, help="after so many no more cells are begun; 0: no end")
    parser.add_argument("--keep", type=Path, help="a matrix.json whose good cells are not run again")
    given = parser.parse_args()
    cells = chosen(given)
    if given.list:
        print("\n".join(f"{step} x {fault}" for step, fault in cells), f"\n{len(cells)} cells")
        return
    for number in (signal.SIGINT, signal.SIGTERM):  # the lab ends with us
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    records, bad = earlier(given.keep) if given.keep else ([], set())
    done = {(one["step"], one["fault"]) for one in records}
    cells.sort(key=lambda pair: (pair not in bad, pair not in SUBSET))
    whole = not (given.subset or given.step or given.fault)
    out = given.out or (RESULTS if whole else None)
    found: Dict[str, Any] = {"counts": {}}
    for record in run([pair for pair in cells if pair not in done], given.minutes):
        records.append(record)
        found = {**summary(records, time.monotonic() - began), "records": records, "other_pairs": matrix()[1] if whole else {}}
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["counts"]))
    sys.exit(1 if found["counts"].get("broken") or found["counts"].get("not caught") else 0)


if __name__ == "__main__":
    main()
