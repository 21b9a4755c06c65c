# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins what several runs of run.py (`--out`, on one machine or many) found into results/matrix.json; of one cell the newest counts.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/faults/join.py FILE...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "dev"))

from ansible_collections.certops.clm.tests.faults import records


def failed_runner(record: records.Record) -> bool:
    """Whether the cell came to no result."""
    return any(why.startswith("the cell could not be run") for why in record.get("broken", ()))


def main() -> None:
    """What has no commit of its own is left out; a cell that a busy machine could not run was not run."""
    files = [records.RESULTS, *map(Path, sys.argv[1:])]
    found = [one for path in files for one in records.kept(path) if " " not in one.get("commit", " ") and not failed_runner(one)]
    newest = {records.place_of(one): one for one in sorted(found, key=lambda one: str(one["date"]))}
    last = json.loads(files[-1].read_text())["last_run"]
    print(records.write(records.RESULTS, list(newest.values()), last["seconds"], last["worlds"])["counts"])


if __name__ == "__main__":
    main()
