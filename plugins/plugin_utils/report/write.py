# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the report: one HTML page that needs nothing beside it, with JSON and CSV of the same data."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Dict, Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ansible_collections.certops.clm.plugins.module_utils.files import write as write_file
from ansible_collections.certops.clm.plugins.plugin_utils.report.model import CSV_COLUMNS, rows_for_csv

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # the wide ones where a spreadsheet is set to Japanese


def render(report: Mapping[str, Any]) -> Dict[str, str]:
    """The three files by name."""
    return {"report.html": page(report), "report.json": as_json(report), "report.csv": as_csv(report)}


def page(report: Mapping[str, Any]) -> str:
    """The page; every value is escaped, whatever it holds."""
    environment = Environment(loader=FileSystemLoader(str(Path(__file__).parent)), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html.j2").render(r=report)


def as_json(report: Mapping[str, Any]) -> str:
    """The report's data, stable from run to run, each place and each event on a line of its own.

    The module's own indent costs several times as much, and every wave writes the report of the whole estate.
    """
    parts = (f"{json.dumps(name)}: {_lines(report[name])}" for name in sorted(report))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(value: Any) -> str:
    if isinstance(value, (list, tuple)) and value:
        return "[\n" + ",\n".join(map(_line, value)) + "\n]"
    return _line(value)


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def as_csv(report: Mapping[str, Any]) -> str:
    """One line for each place; a cell that a spreadsheet would run as a formula gets a leading apostrophe (OWASP)."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows_for_csv(report):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue()


def _cell(value: Any) -> str:
    text = str(value)
    return "'" + text if text.lstrip(" ").startswith(FORMULA) else text


def differs(folder: Path, report: Mapping[str, Any]) -> bool:
    """Whether the report says anything that the files in the folder do not, beside the minute that it was made at."""
    said = json.loads(json.dumps(report, default=str))  # without an indent, which would make it ten times as slow
    return {**_written(folder), "generated_at": ""} != {**said, "generated_at": ""}


def headline_of(folder: Path) -> str:
    """The headline of the report in the folder, empty when there is none."""
    return str(_written(folder).get("headline", ""))


def _written(folder: Path) -> Dict[str, Any]:
    try:
        data = json.loads((folder / "report.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write(folder: Path, report: Mapping[str, Any]) -> Dict[str, str]:
    """Write the three files, each whole or not at all; returns their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, text in render(report).items():
        write_file(str(folder / name), text.encode(), mode=0o644)
        paths[name] = str(folder / name)
    return paths
