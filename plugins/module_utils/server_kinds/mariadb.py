# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB, and MySQL: the server certificate, by my.cnf and what it includes."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, Sequence

from ..contracts import Clock, Source
from ._read import Use
from ._walk import Settings, Walk, Walked, below, path_in

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
    return Walked(NAME, options, OPTIONS, _include, lambda walk, path: _use(_settings(walk)))
