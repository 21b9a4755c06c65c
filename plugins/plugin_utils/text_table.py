# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as lines of text, for terminals. Cells come from outside: one line each, printable, bounded."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

WIDEST = 48
MOST = 200


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> List[str]:
    """A heading and a line for each row, at most 200 of them; the last line then says how many are left out."""
    cells = [[column.replace("_", " ") for column in columns], *([_cell(row.get(column)) for column in columns] for row in rows[:MOST])]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]
    return [*lines, f"and {len(rows) - MOST} more"] if len(rows) > MOST else lines


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value if value is not None else "")
    clean = "".join(char if char.isprintable() else "?" for char in text) or "-"
    return clean if len(clean) <= WIDEST else f"{clean[: WIDEST - 3]}..."
