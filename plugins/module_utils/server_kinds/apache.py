# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache httpd: the certificates of its virtual hosts, by its main file and what that includes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from ..contracts import Clock, Found, Source
from ._read import Use, found
from ._walk import Line, Walk, below, matching, named, path_in, words_of

NAME = "apache"
OPTIONS: Dict[str, Any] = {
    "config": {
        "type": "list",
        "elements": "str",
        "default": ["/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf", "/usr/local/apache2/conf/httpd.conf"],
    },
    "check": {"type": "list", "elements": "str", "default": ["apachectl", "configtest"]},
    "reload": {"type": "dict", "default": {"command": ["apachectl", "graceful"]}},
    "endpoint": {"type": "dict", "default": {"port": 443, "starttls": "none"}},
}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass
class _Host:
    """What one virtual host, or everything outside of them, sets."""

    listen: Tuple[str, ...] = ()
    names: List[str] = field(default_factory=list)
    certificates: List[Tuple[str, str, int]] = field(default_factory=list)  # path, configuration file, line
    keys: List[str] = field(default_factory=list)
    on: bool = False


class _Reader:
    """One pass over a configuration; variables hold from where they are defined, as in Apache."""

    def __init__(self, config: str) -> None:
        self.root = os.path.dirname(config)
        if os.path.basename(self.root) == "conf":  # httpd.conf stands in ServerRoot/conf
            self.root = os.path.dirname(self.root)
        self.variables: Dict[str, str] = {}
        self.uses: List[Use] = []
        self.outside = _Host()
        self.host = self.outside

    def expand(self, text: str) -> str:
        """Variables that were defined are put in; others stay, for they come from the environment of the service."""
        return _VARIABLE.sub(lambda match: self.variables.get(match.group(1), match.group()), text)

    def include(self, text: str, _path: str) -> Sequence[str]:
        """The files of Include and IncludeOptional; a folder is all that is in it."""
        words = words_of(self.expand(text))
        if len(words) > 1 and words[0].lower() == "define":
            self.variables[words[1]] = words[2] if len(words) > 2 else ""
        if len(words) > 1 and words[0].lower() == "serverroot":
            self.root = words[1]
        if len(words) < 2 or words[0].lower() not in ("include", "includeoptional"):
            return ()
        return [one for path in matching(self.root, words[1]) for one in (below(path) if os.path.isdir(path) else [path])]

    def line(self, line: Line) -> None:
        """One directive; sections other than virtual hosts stand for what is in them."""
        words = words_of(self.expand(line.text))
        name = words[0].lower() if words else ""
        if name == "<virtualhost":
            self.host = _Host(listen=tuple(word.rstrip(">") for word in words[1:]))
        elif name.startswith("</virtualhost"):
            self._close()
        elif len(words) > 1:
            self._directive(name, words[1:], line)

    def _directive(self, name: str, values: List[str], line: Line) -> None:
        if name == "sslcertificatefile":
            self.host.certificates.append((values[0], line.path, line.number))
        elif name == "sslcertificatekeyfile":
            self.host.keys.append(values[0])
        elif name == "sslengine":
            self.host.on = values[0].lower() == "on"
        elif name in ("servername", "serveralias"):
            self.host.names += [value.split("://")[-1].partition(":")[0] for value in values]

    def _close(self) -> None:
        host, self.host = self.host, self.outside
        if not (host.on or self.outside.on):
            return
        owner = host if host.certificates else self.outside
        for number, (path, config_file, line) in enumerate(owner.certificates):
            key = owner.keys[number] if number < len(owner.keys) else path  # the key may stand in the same file
            error = f"{path} is no path of a file" if "${" in path or path.startswith("pkcs11:") else ""
            places = (path_in(self.root, path), path_in(self.root, key))
            self.uses.append(Use(config_file, line, *places, tuple(host.names), host.listen, error))


class _Apache:
    """The source for the configurations whose main files match."""

    def __init__(self, config: Sequence[str]) -> None:
        self.config = config

    def find(self) -> Iterator[Found]:
        """Every certificate file of every virtual host with TLS; a file that cannot be read is one record with its error."""
        for path in named(self.config, OPTIONS["config"]["default"]):
            yield from self._of(path)

    def _of(self, path: str) -> Iterator[Found]:
        reader = _Reader(path)
        walk = Walk(NAME, reader.include)
        walk.file(path)
        reader.root = _Reader(path).root
        for line in walk.lines:
            words = words_of(line.text)
            if len(words) > 1 and words[0].lower() == "serverroot":
                reader.root = words[1]
            reader.line(line)
        yield from walk.problems
        yield from found(NAME, reader.uses)


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return _Apache(options.get("config") or OPTIONS["config"]["default"])
