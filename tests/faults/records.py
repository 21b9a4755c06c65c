# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""results/matrix.json: one record for each cell, each with the commit and the moment of its own run; only run.py writes it."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Sequence

from .faults import GROUPS, group_of
from .matrix import Place, matrix

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results") / "matrix.json"
BETWEEN = ("files_between: certificate and key are two files with two renames; a kill between them leaves them apart on the disk until the "
           "next run mends it, while the server serves what it has in memory")  # fmt: skip
SERVICE = "F17 is met at the one secret store that is a service, aws_secrets_manager; Vault and OpenBao are no providers yet"
TESTED = ("plugins", "roles", "playbooks", "tests/faults", "tests/lab", ":!tests/faults/results")
WORDS = ("ok", "broken", "not caught", "not run")

Record = Dict[str, Any]


def place_of(record: Record) -> Place:
    """Which cell it is of."""
    return record["provider"], record["step"], record["fault"]


def word_of(record: Record) -> str:
    """One of WORDS."""
    return "not run" if record.get("not_run") else "broken" if record["broken"] else "ok" if record["caught"] else "not caught"


def commit() -> str:
    """The commit that is run; where files that matter are not as in it, it says so and is no commit's name."""
    head = _git("rev-parse", "HEAD")[:12]
    return f"{head} and changes" if _git("status", "--porcelain", "--", *TESTED) else head


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def kept(path: Path) -> List[Record]:
    """What an earlier file has of cells that there still are and that were run."""
    cells = set(matrix()[0])
    records = json.loads(path.read_text())["records"] if path.is_file() else []
    return [one for one in records if ("commit" in one or one.get("unjudged")) and place_of(one) in cells]


def not_run(place: Place, reason: str) -> Record:
    """A cell that has no result, and why."""
    return {"provider": place[0], "step": place[1], "fault": place[2], "not_run": reason}


def unjudged(record: Record) -> Record:
    """A cell whose run found something of which nobody has said yet whether it is the product's fault: it counts as not run."""
    reason = f"a run at {record['commit']} found something that is not judged yet"
    return {**not_run(place_of(record), reason), "unjudged": record["broken"] or ["the process never came to this step"]}


def write(path: Path, records: Sequence[Record], seconds: float, worlds: int) -> Dict[str, Any]:
    """The file as it is now: every cell of the matrix is in it, run or not."""
    had = {place_of(one): one for one in records}
    cells, rest = matrix()
    whole = [had.get(place) or not_run(place, "no run has come to it yet") for place in cells]
    counted = Counter(word_of(one) for one in whole)
    run = [one for one in whole if not one.get("not_run")]
    found = {
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "load": os.getloadavg()[0]},
        "last_run": {"seconds": round(seconds), "worlds": worlds, "ended": now()},
        "cell_seconds": round(sum(one["seconds"] for one in run)),
        "cell_cpu_seconds": round(sum(one.get("cpu", 0) for one in run)),
        "cells": len(whole),
        "counts": {word: counted[word] for word in WORDS},
        "commits": dict(Counter(one["commit"] for one in run)),
        "notes": [BETWEEN, SERVICE],
        "no_cells": {reason: len(pairs) for reason, pairs in rest.items()},
        "groups": groups(whole),
        "table": table(whole),
        "records": whole,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(found, indent=1) + "\n")
    os.replace(aside, path)
    return found


def table(records: Sequence[Record]) -> Dict[str, Dict[str, Dict[str, str]]]:
    """`table[provider][step][fault]` is one of WORDS."""
    made: Dict[str, Dict[str, Dict[str, str]]] = {}
    for one in records:
        made.setdefault(one["provider"], {}).setdefault(one["step"], {})[one["fault"]] = word_of(one)
    return made


def groups(records: Sequence[Record]) -> Dict[str, Dict[str, Dict[str, int]]]:
    """README's table: `groups["provider: step"][group]` says how many cells have which of WORDS."""
    made: Dict[str, Dict[str, Dict[str, int]]] = {}
    for one in records:
        row = made.setdefault(f"{one['provider']}: {one['step']}", {group: {} for group in GROUPS})[group_of(one["fault"])]
        row[word_of(one)] = row.get(word_of(one), 0) + 1
    return made
