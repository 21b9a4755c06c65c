# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `endpoints`: what a list of live endpoints serves right now, looked at from the controller."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Sequence

from ..contracts import Clock, Found, Source
from ..errors import ConfigError
from ..probe import ANSWERED, DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, ENDPOINT_OPTIONS, Endpoint, Observation, probe_many

NAME = "endpoints"
OPTIONS: Dict[str, Dict[str, Any]] = {
    "endpoints": {"type": "list", "elements": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "timeout": {"type": "float", "default": DEFAULT_TIMEOUT},
    "concurrency": {"type": "int", "default": DEFAULT_CONCURRENCY},
}


class EndpointsSource:
    """One record for every address of every endpoint; an address that could not be looked at is a record with an error."""

    def __init__(self, endpoints: Sequence[Endpoint], timeout: float, concurrency: int) -> None:
        self._endpoints = endpoints
        self._timeout = timeout
        self._concurrency = concurrency

    def find(self) -> Iterator[Found]:
        """What is served now; MissingLibraryError when pyOpenSSL is not there."""
        for row in probe_many(self._endpoints, timeout=self._timeout, concurrency=self._concurrency):
            yield from map(found, row)


def found(seen: Observation) -> Found:
    """One observation as a record."""
    where = {**seen.endpoint.as_dict(), "address": seen.address, "answer": seen.answer}
    if seen.answer == ANSWERED:
        where.update(protocol=seen.protocol, cipher=seen.cipher, group=seen.group)
    return Found(NAME, where, seen.chain_der, error=seen.error)


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source of the options in OPTIONS; ConfigError names the endpoint that is wrong."""
    rows = options.get("endpoints")
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise ConfigError("a list of endpoints is needed", field="endpoints")
    endpoints = [Endpoint.from_dict(row, f"endpoints[{index}]") for index, row in enumerate(rows)]
    return EndpointsSource(endpoints, float(options.get("timeout", DEFAULT_TIMEOUT)), int(options.get("concurrency", DEFAULT_CONCURRENCY)))
