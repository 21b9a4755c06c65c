# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README's table of faults, from what tests/faults recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

RESULTS = Path(__file__).resolve().parent.parent / "tests" / "faults" / "results" / "matrix.json"


def _by_step(groups: Dict[str, Dict[str, Dict[str, int]]]) -> Dict[str, Dict[str, Dict[str, int]]]:
    """The steps of the first row of providers, and every other row of providers as one line, for README is read by people."""
    first = next(iter(groups)).partition(": ")[0]
    found: Dict[str, Dict[str, Dict[str, int]]] = {}
    for name, counts in groups.items():
        provider, _colon, step = name.partition(": ")
        line = found.setdefault(step if provider == first else f"with {provider}", {})
        for group, words in counts.items():
            for word, count in words.items():
                line.setdefault(group, {})[word] = line.setdefault(group, {}).get(word, 0) + count
    return found


def _of(words: Dict[str, int]) -> str:
    """How many cells are ok, of how many; what is broken is said as such."""
    rest = [f"**{count} {word}**" for word, count in words.items() if word not in ("ok", "not run")]
    return ", ".join([f"{words.get('ok', 0)} of {sum(words.values())}", *rest]) if words else ""


def faults() -> str:
    """What tests/faults found, by step and kind of fault: how many cells are ok of how many; the others were not run."""
    found = json.loads(RESULTS.read_text())
    columns = list(next(iter(found["groups"].values())))
    lines = ["| step | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row, groups in _by_step(found["groups"]).items():
        lines.append(f"| {row} | " + " | ".join(_of(groups.get(one, {})) for one in columns) + " |")
    counts = ", ".join(f"{count} {word}" for word, count in found["counts"].items())
    open_ones = [one for one in found["records"] if one.get("unjudged")]
    if open_ones:
        named = "; ".join(f"{one['step']} x {one['fault']} ({one['provider']})" for one in open_ones)
        counts += f" ({len(open_ones)} of these were run, and what was found is not judged yet: {named})"
    days = sorted({one["date"][:10] for one in found["records"] if "date" in one})
    commits = ", ".join(f"{name} ({count})" for name, count in found["commits"].items())
    when = f" Run on {' to '.join(dict.fromkeys((days[0], days[-1])))}, of commit {commits}." if days else ""
    return "\n".join(lines) + f"\n\n{found['cells']} cells: {counts}.{when} {found['notes'][-1]}."
