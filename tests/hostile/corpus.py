# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every corpus and keeps what came of it, for README's table.

.venv/bin/python tests/hostile/corpus.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "dev"))

import cryptography

from ansible_collections.certops.clm.tests.hostile import corpora, tally
from ansible_collections.certops.clm.tests.unit.x509 import test_limbo

RESULTS = ROOT / "tests" / "hostile" / "results" / "corpus.json"


def main() -> int:
    """Exit code 1, and nothing kept, when a corpus is not there or something was taken by mistake."""
    if not corpora.ZLINT.is_dir() or not test_limbo.VECTORS.is_file():
        print(f"not there: {corpora.ZLINT} or {test_limbo.VECTORS}")
        return 1
    rows = []
    for name in corpora.make(Path("/nonexistent")):
        if name in corpora.OPEN:
            print(f"{name}: left out, {corpora.OPEN[name]}")
            continue
        with tempfile.TemporaryDirectory() as place:
            row = tally.measure(name, corpora.make(Path(place))[name])
        print(f"{name}: {row.as_dict()}, the slowest {row.slowest * 1000:.0f} ms ({row.slowest_case})")
        rows.append(row)
    if any(row.mistakes or row.slowest >= tally.TOO_LONG for row in rows):
        print("taken by mistake, or too slow: nothing is kept")
        return 1
    found = {"cryptography": cryptography.__version__, "corpora": [row.as_dict() for row in rows]}
    RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
