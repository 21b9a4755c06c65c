# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs on their way to hosts and back: what `http_01_webroot` is to publish on each, and what it said of that. Standard library only."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .errors import ClmError, ConfigError
from .outcome import DONE, UNCHANGED, Outcome

Row = Dict[str, Any]
Published = Dict[str, Optional[ClmError]]
FOLDER = ".well-known/acme-challenge"
SOMEWHERE = ""  # the host of a proof that names none


def rows_of(challenges: Iterable[Mapping[str, Any]], hosts: Sequence[str] = (SOMEWHERE,)) -> List[Row]:
    """One row for each host and folder, {host, root, files}; `hosts` where a challenge names none."""
    found: Dict[Tuple[str, str], Row] = {}
    for one in challenges:
        for host in one.get("hosts") or hosts:
            root = str((one.get("roots") or {}).get(host) or one["root"])
            row = found.setdefault((str(host), root), {"host": str(host), "root": root, "files": {}})
            row["files"][str(one["file"])] = str(one["content"])
    return list(found.values())


def merged(*parts: Iterable[Row]) -> List[Row]:
    """The rows of all parts, each host and folder once."""
    found: Dict[Tuple[str, str], Row] = {}
    for row in [row for part in parts for row in part]:
        kept = found.setdefault((row["host"], row["root"]), {**row, "files": {}})
        kept["files"].update(row["files"])
    return list(found.values())


def heard(row: Mapping[str, Any], result: Any, why: str, act: str = "published") -> Published:
    """What a host's result says of the files of its row; `why` is what to say where it says nothing of one, `act` what was to be done."""
    outcomes = result.get("outcomes") if isinstance(result, Mapping) else None
    found: Published = {}
    for file in row["files"]:
        outcome = outcomes.get(file) if isinstance(outcomes, Mapping) else None
        outcome = outcome if isinstance(outcome, Mapping) else {}
        if outcome.get("state") in (DONE, UNCHANGED):
            found[file] = None
            continue
        said, hint = str(outcome.get("message") or why)[:600], str(outcome.get("next_action") or "")[:300]
        there = f"on {row['host'] or 'the host'}" + ("" if row["root"] in said else f" as {row['root'].rstrip('/')}/{FOLDER}/{file}")
        found[file] = ConfigError(f"its proof could not be {act} {there}: {said}", hint=hint)
    return found


def together(parts: Iterable[Published]) -> Published:
    """By file, what is wrong with it on any host; a proof is there when it is there on all."""
    found: Published = {}
    for part in parts:
        for file, error in part.items():
            found[file] = found.get(file) or error
    return found


def proofs_of(outcomes: Iterable[Outcome]) -> Dict[str, List[Row]]:
    """What a task has to have published before it is called again, and withdrawn in the end; empty where nobody waits for proofs."""
    after = [outcome.after for outcome in outcomes]
    publish = merged(*(rows_of(one.get("challenges") or ()) for one in after))
    withdraw = merged(publish, *(rows_of(one.get("withdraw") or ()) for one in after))
    return {"publish": publish, "withdraw": withdraw} if withdraw else {}


def told(results: Iterable[Any]) -> Published:
    """The same out of what a loop of tasks registered, each with the row as its item."""
    parts = []
    for result in results:
        item = result.get("item") if isinstance(result, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(item.get("files"), Mapping):
            raise ConfigError("the results of a loop over `publish` are needed", field="published")
        row = {"host": str(item.get("host") or ""), "root": str(item.get("root") or ""), "files": item["files"]}
        parts.append(heard(row, result, str(result.get("msg") or "it said nothing")))
    return together(parts)
