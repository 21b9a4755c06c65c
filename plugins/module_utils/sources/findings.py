# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `findings`: what managed servers said of themselves in the last `discover`, read from its file."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping

from ..contracts import Clock, Found, Source
from ..errors import ClmError, ConfigError
from ..observations import chain_der, load

NAME = "findings"
OPTIONS: Dict[str, Dict[str, Any]] = {"path": {"type": "path", "required": True}}


class FindingsSource:
    """Every certificate that a server's configuration names; a server that was not reached is a record with an error."""

    def __init__(self, path: str) -> None:
        self._path = path

    def find(self) -> Iterator[Found]:
        """The findings of the file; NotFoundError when nobody has looked yet."""
        for server, look in load(self._path).servers.items():
            if not look.reached:
                yield Found(NAME, {"server": server}, server=server, error=look.error or "the server was not reached")
            for finding in look.findings:
                yield found(finding, server)


def found(finding: Mapping[str, Any], server: str) -> Found:
    """One finding as a record; a chain that cannot be read is its error."""
    place = finding.get("where")
    where = {"kind": str(finding.get("kind") or ""), **(place if isinstance(place, Mapping) else {})}
    error = str(finding.get("error") or "")
    try:
        chain = chain_der(finding.get("chain_pem") or ())
    except (ClmError, TypeError, AttributeError) as problem:
        chain, error = (), error or f"what is there cannot be read: {problem}"
    return Found(NAME, where, chain, server, error if error or chain else "there is no certificate")


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source of the options in OPTIONS."""
    if not isinstance(options.get("path"), str):
        raise ConfigError("the path of the observations file is needed", field="path")
    return FindingsSource(options["path"])
