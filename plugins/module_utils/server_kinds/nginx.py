# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx: certificates in its configuration as `nginx -T` prints it, or as its files say where that fails."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from .. import commands
from ..contracts import Clock, Found, Source
from ..errors import ClmError
from ._read import MAX_CONFIG_BYTES, MAX_FILES, Use, broken, found, read_text, text_of

NAME = "nginx"
OPTIONS: Dict[str, Any] = {
    "binary": {"type": "str", "default": "nginx"},
    "config": {"type": "str", "default": "/etc/nginx/nginx.conf"},
    "check": {"type": "list", "elements": "str", "default": ["nginx", "-t"]},
    "reload": {"type": "dict", "default": {"systemd": "nginx"}},
    "endpoint": {"type": "dict", "default": {"port": 443, "starttls": "none"}},
}
SECONDS = 30
MAX_DEPTH = 64
_MARK = re.compile(r"^# configuration file (.+):$", re.MULTILINE)
_TOKEN = re.compile(
    r"""
    [ \t\r\f\v]+ | (?P<newline>\n) | (?P<comment>\#[^\n]*) | (?P<sign>[{};])
    | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<word>(?:[^\s{};"'\\]|\\.|(?<=\$)\{)+) | (?P<other>.)
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass
class _Block:
    """What one block sets; a server without certificates of its own has those of the block around it."""

    name: str = ""
    certificates: List[Tuple[str, str, int]] = field(default_factory=list)  # path, configuration file, line
    keys: List[str] = field(default_factory=list)
    names: List[str] = field(default_factory=list)
    listen: List[str] = field(default_factory=list)


def _tokens(text: str) -> Iterator[Tuple[str, int]]:
    """Words and signs with their line numbers."""
    line = 1
    for match in _TOKEN.finditer(text):
        kind, value = match.lastgroup, match.group()
        if kind == "quoted":
            yield value[1:-1], line
        elif kind in ("word", "sign"):
            yield value, line
        line += value.count("\n")


class _Nginx:
    """The source for one nginx."""

    def __init__(self, binary: str, config: str) -> None:
        self.binary, self.config = binary, config

    def find(self) -> Iterator[Found]:
        """Every certificate file of every server block; a configuration that cannot be read is one record with its error."""
        if self.config == OPTIONS["config"]["default"] and not os.path.exists(self.config):
            return  # it is not installed
        try:
            parts = self._dump() or self._files()
        except (OSError, ValueError) as error:
            yield broken(NAME, self.config, getattr(error, "strerror", None) or str(error))
            return
        yield from found(NAME, self._uses(parts))

    def _dump(self) -> List[Tuple[str, str]]:
        """(file, text) of all configuration files as nginx itself reads them; empty when it could not say."""
        try:
            done = commands.pipe([self.binary, "-T", "-q", "-c", self.config], SECONDS)
        except ClmError:
            return []
        text = text_of(done.output[: 4 * MAX_CONFIG_BYTES])
        marks = list(_MARK.finditer(text))
        if done.code != 0 or not marks:
            return []
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        return [(mark.group(1), text[mark.end() + 1 : end]) for mark, end in zip(marks, ends)]

    def _files(self) -> List[Tuple[str, str]]:
        """The same by following the include lines of the main file."""
        return [(self.config, read_text(self.config))]

    def _uses(self, parts: Sequence[Tuple[str, str]]) -> List[Use]:
        walk = _Walk(os.path.dirname(self.config), dict(parts[1:]))
        walk.file(parts[0][0], parts[0][1], 0)
        return walk.uses


class _Walk:
    """One walk through the configuration, following includes where they stand."""

    def __init__(self, folder: str, known: Mapping[str, str]) -> None:
        self.folder, self.known = folder, known
        self.uses: List[Use] = []
        self.stack: List[_Block] = [_Block()]
        self.included = 0

    def file(self, path: str, text: str, depth: int) -> None:
        """Walk one file."""
        words: List[str] = []
        start = 1
        for token, line in _tokens(text):
            if token == "{":
                self.stack.append(_Block(words[0] if words else ""))
            elif token == "}":
                if len(self.stack) > 1:
                    self._close(self.stack.pop())
            elif token == ";":
                self._directive(words, path, start, depth)
            else:
                start = line if not words else start
                words.append(token)
                continue
            words = []

    def _directive(self, words: List[str], path: str, line: int, depth: int) -> None:
        block = self.stack[-1]
        if len(words) < 2:
            return
        if words[0] == "ssl_certificate":
            block.certificates.append((words[1], path, line))
        elif words[0] == "ssl_certificate_key":
            block.keys.append(words[1])
        elif words[0] == "server_name":
            block.names += [name for name in words[1:] if name not in ("", "_")]
        elif words[0] == "listen":
            block.listen.append(words[1])
        elif words[0] == "include":
            self._include(words[1], depth)

    def _include(self, pattern: str, depth: int) -> None:
        for path in sorted(glob.glob(os.path.join(self.folder, pattern))):
            self.included += 1
            if depth >= MAX_DEPTH or self.included > MAX_FILES:
                return
            try:
                self.file(path, self.known.get(path) or read_text(path), depth + 1)
            except OSError as error:
                self.uses.append(Use(path, 0, "", "", error=f"{path}: {error.strerror}"))

    def _close(self, block: _Block) -> None:
        if block.name != "server":
            return
        owner = next((outer for outer in [block, *reversed(self.stack)] if outer.certificates), block)
        for number, (path, config_file, line) in enumerate(owner.certificates):
            key = owner.keys[number] if number < len(owner.keys) else ""
            error = f"{path} is no path of a file" if "$" in path or path.startswith("data:") else ""
            self.uses.append(
                Use(config_file, line, self._path(path), self._path(key), tuple(block.names), tuple(block.listen or ["80"]), error)
            )

    def _path(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.folder, path)) if path and not path.startswith(("data:", "engine:")) else path[:100]


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return _Nginx(options.get("binary") or OPTIONS["binary"]["default"], options.get("config") or OPTIONS["config"]["default"])
