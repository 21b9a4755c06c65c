# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: the server certificate of each cluster, by postgresql.conf, its includes and postgresql.auto.conf."""

from __future__ import annotations

import glob
import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..contracts import Clock, Found, Source
from ._read import MAX_FILES, Use, broken, found, read_text

NAME = "postgresql"
OPTIONS: Dict[str, Any] = {
    "config": {
        "type": "list",
        "elements": "str",
        "default": [
            "/etc/postgresql/*/*/postgresql.conf",
            "/var/lib/postgresql/data/postgresql.conf",
            "/var/lib/pgsql/data/postgresql.conf",
            "/var/lib/pgsql/*/data/postgresql.conf",
        ],
    },
    "check": {"type": "list", "elements": "str", "default": []},  # it has none that reads certificates
    "reload": {"type": "dict", "default": {"systemd": "postgresql"}},
    "endpoint": {"type": "dict", "default": {"port": 5432, "starttls": "postgresql"}},
}
MAX_DEPTH = 10  # as PostgreSQL itself
_LINE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*)\s*=?\s*('(?:[^'\\]|''|\\.)*'|[^\s#]*)")
_TRUE = ("on", "true", "yes", "1", "t", "y", "tru", "tr", "ye")

Values = Dict[str, Tuple[str, str, int]]  # name -> value, file, line


def _settings(path: str, values: Values, depth: int = 0, read: Optional[List[str]] = None) -> None:
    """Read a file and what it includes; the last setting wins. Raises OSError for the file itself only."""
    read = [] if read is None else read
    read.append(path)
    for number, line in enumerate(read_text(path).splitlines(), 1):
        match = _LINE.match(line)
        if not match:
            continue
        name, value = match.group(1).lower(), match.group(2)
        if value.startswith("'"):
            value = re.sub(r"''|\\(.)", lambda found: found.group(1) or "'", value[1:-1])
        if name not in ("include", "include_if_exists", "include_dir"):
            values[name] = (value, path, number)
        elif depth < MAX_DEPTH and len(read) < MAX_FILES:
            _include(name, os.path.join(os.path.dirname(path), value), values, depth, read)


def _include(how: str, path: str, values: Values, depth: int, read: List[str]) -> None:
    paths = [path]
    if how == "include_dir":
        paths = [one for one in sorted(glob.glob(os.path.join(glob.escape(path), "*.conf"))) if not os.path.basename(one).startswith(".")]
    for one in paths[:MAX_FILES]:
        try:
            _settings(one, values, depth + 1, read)
        except OSError:  # PostgreSQL would not start without an include; what could be read is told
            continue


class _Postgresql:
    """The source for the clusters whose configuration files match the patterns."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = patterns

    def find(self) -> Iterator[Found]:
        """One record for each cluster with ssl on; a configuration that cannot be read is one with its error."""
        uses: List[Use] = []
        for path in [path for pattern in self.patterns for path in _paths(pattern)][:MAX_FILES]:
            values: Values = {}
            try:
                _settings(path, values)
            except OSError as error:
                yield broken(NAME, path, error.strerror or str(error))
                continue
            uses += self._use(path, values)
        yield from found(NAME, uses)

    def _use(self, path: str, values: Values) -> List[Use]:
        data = os.path.join(os.path.dirname(path), values.get("data_directory", ("", "", 0))[0])
        try:
            _settings(os.path.join(data, "postgresql.auto.conf"), values, MAX_DEPTH)
        except OSError:  # ALTER SYSTEM was never used, or the folder is not ours to read
            pass
        if values.get("ssl", ("off", "", 0))[0].lower() not in _TRUE:
            return []
        certificate, config_file, line = values.get("ssl_cert_file", ("server.crt", path, 0))
        key = values.get("ssl_key_file", ("server.key", path, 0))[0]
        hosts = values.get("listen_addresses", ("localhost", "", 0))[0]
        port = values.get("port", ("5432", "", 0))[0]
        listen = tuple(f"{host.strip()}:{port}" for host in hosts.split(",") if host.strip())
        certificate, key = (os.path.normpath(os.path.join(data, file)) for file in (certificate, key))
        return [Use(config_file, line, certificate, key, listen=listen)]


def _paths(pattern: str) -> List[str]:
    """The files of a pattern. A path that somebody named and that is not there is kept, to be said; a default one is not."""
    usual = glob.has_magic(pattern) or pattern in OPTIONS["config"]["default"]
    return sorted(glob.glob(pattern)) or ([] if usual else [pattern])


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    config = options.get("config") or OPTIONS["config"]["default"]
    return _Postgresql([config] if isinstance(config, str) else list(config))
