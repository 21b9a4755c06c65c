# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB, and MySQL: the server certificate, by my.cnf and what it includes."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ..contracts import Clock, Found, Source
from ._read import Use, found
from ._walk import Settings, Walk, below, named, path_in

NAME = "mariadb"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "list", "elements": "str", "default": ["/etc/mysql/my.cnf", "/etc/my.cnf"]},
    "check": {"type": "list", "elements": "str", "default": []},  # FLUSH SSL itself refuses what it cannot use, and keeps the old
    "reload": {"type": "dict", "default": {"command": ["mariadb", "--execute", "FLUSH SSL"]}},
    "endpoint": {"type": "dict", "default": {"port": 3306, "starttls": "mysql"}},
}
_SECTION = re.compile(r"\[(mysqld|mariadb|mariadbd|server)(-[0-9.]+)?\]\s*\Z")  # what the server reads
_INCLUDE = re.compile(r"!\s*(includedir|include)\s+(\S.*)")


def _include(text: str, path: str) -> Sequence[str]:
    match = _INCLUDE.match(text.strip())
    if not match:
        return ()
    place = os.path.join(os.path.dirname(path), match.group(2).strip())
    return below(place, ".cnf") if match.group(1) == "includedir" else [place]


def _settings(walk: Walk) -> Settings:
    """The options of the server; the last one wins, and dash and underscore are the same."""
    values: Settings = {}
    ours = False
    for line in walk.lines:
        text = line.text.split("#")[0].strip()
        if text.startswith("["):
            ours = _SECTION.match(text) is not None
        elif ours and text and not text.startswith(("!", ";")):
            name, _equals, value = text.partition("=")
            values[name.strip().lower().replace("-", "_")] = (value.strip().strip("'\""), line.path, line.number)
    return values


class _Mariadb:
    """The source for the servers whose configuration files match."""

    def __init__(self, config: Sequence[str]) -> None:
        self.config = config

    def find(self) -> Iterator[Found]:
        """The certificate of each server that has one; a configuration that cannot be read is one record with its error."""
        uses: List[Use] = []
        for path in named(self.config, OPTIONS["config"]["default"]):
            walk = Walk(NAME, _include)
            walk.file(path)
            yield from walk.problems
            uses += _use(_settings(walk))
        yield from found(NAME, uses)


def _use(values: Settings) -> List[Use]:
    certificate, config_file, line = values.get("ssl_cert", ("", "", 0))
    if not certificate:
        return []
    data = values.get("datadir", ("/var/lib/mysql", "", 0))[0]
    host, port = values.get("bind_address", ("*", "", 0))[0], values.get("port", ("3306", "", 0))[0]
    key = values.get("ssl_key", ("", "", 0))[0] or certificate
    return [Use(config_file, line, path_in(data, certificate), path_in(data, key), listen=(f"{host}:{port}",))]


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return _Mariadb(options.get("config") or OPTIONS["config"]["default"])
