# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of lineages that people edit: entries are added and moved as text, so that every comment survives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import yaml

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import parse_yaml

KEY = "lineages"
_ODD_BREAK = re.compile("\r(?!\n)|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # what YAML and Python do not agree about


@dataclass(frozen=True)
class Entry:
    """One lineage of a file: its data, and the lines that it takes with the comments above it."""

    name: str
    data: Any
    first: int
    last: int


class LineageFile:
    """The text of a file that holds nothing but `lineages`; an empty text is such a file, too."""

    def __init__(self, text: str, path: str) -> None:
        if _ODD_BREAK.search(text):
            raise ConfigError(f"{path} has line breaks that are no line feeds", hint="save it as plain text")
        self.lines = text.splitlines(keepends=True)
        self.entries = _entries(text, path)

    @property
    def names(self) -> Tuple[str, ...]:
        """The lineages of the file."""
        return tuple(entry.name for entry in self.entries)

    def text_of(self, entry: Entry) -> str:
        """The lines of an entry with the comments above it, ending in a line feed."""
        text = "".join(self.lines[entry.first : entry.last])
        return text if text.endswith("\n") else text + "\n"

    def without(self, names: Sequence[str]) -> str:
        """The text of the file without these entries."""
        gone = {line for entry in self.entries if entry.name in names for line in range(entry.first, entry.last)}
        return "".join(line for number, line in enumerate(self.lines) if number not in gone)

    def with_more(self, blocks: Sequence[str], head: str) -> str:
        """The text of the file with these entries at its end; `head` begins a file that was empty."""
        text = "".join(self.lines)
        if not text.strip():
            text = head
        if text and not text.endswith("\n"):
            text += "\n"
        if not self.entries:
            text = _opened(text)
        return text + "".join(blocks)


def _opened(text: str) -> str:
    """The text of a file without entries, ready for the first one: `lineages: {}` becomes `lineages:`."""
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(KEY + ":")]
    return "".join(lines) + KEY + ":\n"


def _entries(text: str, path: str) -> List[Entry]:
    data = parse_yaml(text.encode("utf-8", "surrogateescape"), path) or {}
    if not isinstance(data, Mapping) or set(data) - {KEY} or not isinstance(data.get(KEY) or {}, Mapping):
        raise ConfigError(f"{path} holds more than {KEY}, or something else", hint="a file of lineages has the one key lineages")
    if not data.get(KEY):
        return []
    node = yaml.compose(text, Loader=yaml.SafeLoader).value[0][1]
    if node.flow_style:
        raise ConfigError(f"{path}: write the lineages below each other, not in braces", hint="then their comments can be kept")
    lines = text.splitlines()
    starts = [_with_comments(lines, key.start_mark.line) for key, _value in node.value]
    ends = [*starts[1:], len(lines)]
    entries: Dict[str, Any] = data[KEY]
    return [Entry(name, entries[name], first, last) for name, first, last in zip(entries, starts, ends)]


def _with_comments(lines: Sequence[str], line: int) -> int:
    """The first line of the block of comments that stands right above a line."""
    while line > 0 and lines[line - 1].lstrip().startswith("#") and lines[line - 1].startswith(" "):
        line -= 1
    return line


def reviewed(entry: Entry) -> bool:
    """True when a person has set `reviewed: true`."""
    return isinstance(entry.data, Mapping) and entry.data.get("reviewed") is True


def accepted(file: LineageFile, entry: Entry) -> Tuple[str, Dict[str, Any]]:
    """The entry's lines and data without `reviewed`, which is no field of a manifest."""
    data = {key: value for key, value in entry.data.items() if key != "reviewed"}
    text = "".join(line for line in file.text_of(entry).splitlines(keepends=True) if not line.strip().startswith("reviewed:"))
    if parse_yaml(f"{KEY}:\n{text}".encode(), entry.name) != {KEY: {entry.name: data}}:
        raise ConfigError("the entry cannot be moved as it is written", field=entry.name, hint="give `reviewed: true` a line of its own")
    return text, data
