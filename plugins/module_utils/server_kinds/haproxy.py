# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""haproxy: certificates of its bind lines, crt-lists, folders and crt-stores."""

from __future__ import annotations

import os
import shlex
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ..contracts import Clock, Found, Source
from ._read import MAX_FILES, MAX_PEM_BYTES, Use, broken, found, read_file, read_text

NAME = "haproxy"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "str", "default": "/etc/haproxy/haproxy.cfg"},
    "check": {"type": "list", "elements": "str", "default": ["haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"]},
    "reload": {"type": "dict", "default": {"systemd": "haproxy"}},
    "endpoint": {"type": "dict", "default": {"port": 443, "starttls": "none"}},
}
BESIDE = (".key", ".issuer", ".ocsp", ".sctl", ".crl")  # files that belong to the certificate of the same name
SECTIONS = frozenset("global defaults frontend backend listen peers userlist resolvers cache crt-store program mailers ring".split())


def _words(line: str) -> List[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return line.split("#")[0].split()


class _Haproxy:
    """The source for one haproxy; `config` is a file or a folder of *.cfg files."""

    def __init__(self, config: str) -> None:
        self.config = config

    def find(self) -> Iterator[Found]:
        """Every certificate file that a bind line uses; a file that cannot be read is one record with its error."""
        if self.config == OPTIONS["config"]["default"] and not os.path.exists(self.config):
            return  # it is not installed
        try:
            folder = os.path.isdir(self.config)
            paths = (
                sorted(os.path.join(self.config, name) for name in os.listdir(self.config) if name.endswith(".cfg"))
                if folder
                else [self.config]
            )
        except OSError as error:
            yield broken(NAME, self.config, error.strerror or str(error))
            return
        reader = _Reader()
        for path in paths[:MAX_FILES]:
            try:
                reader.file(path, read_text(path))
            except OSError as error:
                yield broken(NAME, path, error.strerror or str(error))
        yield from found(NAME, reader.uses)


class _Reader:
    """One pass over the configuration; crt-base and key-base hold from where they are set."""

    def __init__(self) -> None:
        self.uses: List[Use] = []
        self.crt_base = self.key_base = ""
        self.section = ""

    def file(self, path: str, text: str) -> None:
        """Read one file."""
        for number, line in enumerate(text.splitlines(), 1):
            words = _words(line)
            if not words:
                continue
            if words[0] in SECTIONS:
                self.section = words[0]
            elif words[0] == "crt-base" and len(words) > 1:
                self.crt_base = words[1]
            elif words[0] == "key-base" and len(words) > 1:
                self.key_base = words[1]
            elif words[0] == "bind" and "ssl" in words:
                self._bind(path, number, words)
            elif words[0] == "load" and self.section == "crt-store":
                pairs = dict(zip(words[1::2], words[2::2]))
                self._certificate(path, number, pairs.get("crt", ""), (), (), pairs.get("key", ""))

    def _bind(self, path: str, number: int, words: List[str]) -> None:
        listen = tuple(words[1:2])
        for name, value in zip(words[2:], words[3:]):
            if name == "crt":
                self._certificate(path, number, value, (), listen)
            elif name == "crt-list":
                self._list(value, listen)

    def _list(self, path: str, listen: Tuple[str, ...]) -> None:
        """A crt-list: a certificate file, options in brackets, and the names that choose it."""
        try:
            lines = read_text(path).splitlines()
        except OSError as error:
            self.uses.append(Use(path, 0, "", "", listen=listen, error=f"{path}: {error.strerror}"))
            return
        for number, line in enumerate(lines, 1):
            head, _bracket, tail = line.partition("[")
            names = tail.partition("]")[2] if tail else ""
            words = _words(head) if tail else _words(line)
            if words:
                wanted = tuple(name for name in [*words[1:], *_words(names)] if not name.startswith("!"))
                self._certificate(path, number, words[0], wanted, listen)

    def _certificate(self, path: str, number: int, value: str, names: Tuple[str, ...], listen: Tuple[str, ...], key: str = "") -> None:
        if not value or value.startswith("@"):  # @store/alias names a certificate that its crt-store line shows
            return
        file = os.path.normpath(os.path.join(os.path.dirname(path), self.crt_base, value))
        key = os.path.normpath(os.path.join(os.path.dirname(path), self.key_base or self.crt_base, key)) if key else ""
        try:
            inside = sorted(os.listdir(file))[:MAX_FILES] if os.path.isdir(file) else None
        except OSError as error:
            self.uses.append(Use(path, number, file, "", names, listen, f"{file}: {error.strerror}"))
            return
        for one in [file] if inside is None else [os.path.join(file, name) for name in inside if not name.startswith(".")]:
            if inside is None or not one.endswith(BESIDE):
                self.uses.append(Use(path, number, one, key or _key_of(one), names, listen))


def _key_of(file: str) -> str:
    """The file with the key: the certificate file itself, or the one beside it."""
    try:
        if b"PRIVATE KEY-----" in read_file(file, MAX_PEM_BYTES):
            return file
    except OSError:
        return file
    return file + ".key" if os.path.exists(file + ".key") else file


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return _Haproxy(options.get("config") or OPTIONS["config"]["default"])
