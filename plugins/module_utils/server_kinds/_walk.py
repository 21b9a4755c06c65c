# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations in lines that include other files: read where they stand, capped, and an unreadable one is a record.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import glob
import os
import shlex
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from ..contracts import Found
from ._read import MAX_FILES, Use, broken, found, read_text

MAX_DEPTH = 16
MAX_LINES = 500_000  # of all files together: a file that includes itself twice would be read for ever
Include = Callable[[str, str], Sequence[str]]


@dataclass(frozen=True)
class Line:
    """One line of a configuration, with those that it goes on in."""

    path: str
    number: int
    text: str


class Walk:
    """All lines of a configuration in the order in which the program reads them.

    `include` is asked for each line and its file, and answers with the files that are read in its place.
    """

    def __init__(self, kind: str, include: Include) -> None:
        self.kind, self.include = kind, include
        self.lines: List[Line] = []
        self.problems: List[Found] = []
        self.read = 0

    def file(self, path: str, depth: int = 0) -> None:
        """Read a file with what it includes; never raises for what is in it."""
        if depth > MAX_DEPTH or self.read >= MAX_FILES or len(self.lines) >= MAX_LINES:
            if not any("left out" in one.error for one in self.problems):
                self.problems.append(broken(self.kind, path, "too many files, too deep or too long; the rest was left out"))
            return
        self.read += 1
        try:
            text = read_text(path)
        except (OSError, ValueError) as error:
            self.problems.append(broken(self.kind, path, getattr(error, "strerror", None) or str(error)))
            return
        for number, line in joined(text):
            self.lines.append(Line(path, number, line))
            for one in self.include(line, path):
                self.file(one, depth + 1)


def joined(text: str) -> Iterator[Tuple[int, str]]:
    """(number of the first line, text) with lines that end in a backslash put together."""
    begin, parts = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        begin = begin or number
        if line.endswith("\\"):
            parts += line[:-1] + " "
            continue
        yield begin, (parts + line).rstrip("\r")
        begin, parts = 0, ""
    if parts:
        yield begin, parts


def words_of(text: str) -> List[str]:
    """The words of a line as a shell would split it, without its comment; with quotes that do not match, at blanks."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split("#")[0].split()


def matching(folder: str, pattern: str) -> List[str]:
    """The files that a pattern of an include names, in their order."""
    return sorted(glob.glob(os.path.join(folder, pattern)))[:MAX_FILES]


def below(folder: str, ending: str = "") -> List[str]:
    """The files of a folder that is included as a whole, in their order; hidden ones are none."""
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(ending) and not name.startswith(".")][:MAX_FILES]


def named(patterns: Sequence[str], usual: Sequence[str]) -> List[str]:
    """The configuration files of an option; one that somebody named and that is not there is kept, to be said. A usual one is not."""
    paths: List[str] = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        quiet = glob.has_magic(pattern) or pattern in usual
        paths += sorted(glob.glob(pattern)) or ([] if quiet else [pattern])
    return list(dict.fromkeys(paths))[:MAX_FILES]


def assigned(text: str, comments: str = "#;") -> Tuple[str, str]:
    """(name in lower case, value) of `name = value`; empty for a comment or what is no assignment."""
    line = text.strip()
    if not line or line[0] in comments or "=" not in line:
        return "", ""
    name, value = (part.strip() for part in line.split("=", 1))
    return name.lower(), value


def path_in(folder: str, value: str) -> str:
    """An absolute, normalised path; one that begins with neither a slash nor a name stays what it is."""
    return os.path.normpath(os.path.join(folder, value)) if value else ""


Settings = Dict[str, Tuple[str, str, int]]  # name -> value, file, line


class Walked:
    """The source of a kind whose configuration files are walked one by one; `uses` says what a walk from a file's path found."""

    def __init__(
        self, kind: str, options: Mapping[str, Any], known: Mapping[str, Any], include: Include, uses: Callable[[Walk, str], List[Use]]
    ) -> None:
        self.usual: Sequence[str] = known["config"]["default"]
        self.kind, self.config, self.include, self.uses = kind, options.get("config") or self.usual, include, uses

    def find(self) -> Iterator[Found]:
        """Every certificate file that they name; a configuration that cannot be read is one record with its error."""
        uses: List[Use] = []
        for path in named(self.config, self.usual):
            walk = Walk(self.kind, self.include)
            walk.file(path)
            yield from walk.problems
            uses += self.uses(walk, path)
        yield from found(self.kind, uses)
