# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis, and Valkey: the server certificate, by redis.conf and what it includes."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Sequence

from ..contracts import Clock, Source
from ._read import Use
from ._walk import Settings, Walk, Walked, matching, path_in, words_of

NAME = "redis"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "list", "elements": "str", "default": ["/etc/redis/redis.conf", "/etc/redis.conf", "/etc/valkey/valkey.conf"]},
    "check": {"type": "list", "elements": "str", "default": []},  # CONFIG SET itself refuses what it cannot use, and keeps the old
    "reload": {"type": "dict", "default": {"command": ["redis-cli", "-e", "CONFIG", "SET", "tls-cert-file", "{certificate_file}"]}},
    "endpoint": {"type": "dict", "default": {"port": 6379, "starttls": "none"}},
}


def _include(text: str, path: str) -> Sequence[str]:
    words = words_of(text)
    return matching(os.path.dirname(path), words[1]) if len(words) > 1 and words[0].lower() == "include" else ()


def _settings(walk: Walk) -> Settings:
    values: Settings = {}
    for line in walk.lines:
        words = words_of(line.text)
        if len(words) > 1:
            values[words[0].lower()] = (" ".join(words[1:]), line.path, line.number)
    return values


def _use(values: Settings, folder: str) -> List[Use]:
    certificate, config_file, line = values.get("tls-cert-file", ("", "", 0))
    port = values.get("tls-port", ("0", "", 0))[0]
    if not certificate or port == "0":
        return []
    key = values.get("tls-key-file", (certificate, "", 0))[0]
    hosts = values.get("bind", ("*", "", 0))[0].split()
    listen = tuple(f"{host.lstrip('-')}:{port}" for host in hosts)
    return [Use(config_file, line, path_in(folder, certificate), path_in(folder, key), listen=listen)]


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return Walked(NAME, options, OPTIONS, _include, lambda walk, path: _use(_settings(walk), os.path.dirname(path)))
