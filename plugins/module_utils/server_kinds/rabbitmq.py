# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RabbitMQ: the certificates of its listeners, by rabbitmq.conf and the files of conf.d."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ..contracts import Clock, Found, Source
from ._read import Use, found
from ._walk import Settings, Walk, assigned, below, named, path_in

NAME = "rabbitmq"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "list", "elements": "str", "default": ["/etc/rabbitmq/rabbitmq.conf"]},
    "check": {"type": "list", "elements": "str", "default": []},  # it has none that reads certificates
    "reload": {"type": "dict", "default": {"command": ["rabbitmqctl", "eval", "ssl:clear_pem_cache()."]}},
    "endpoint": {"type": "dict", "default": {"port": 5671, "starttls": "none"}},
}
# What begins with the first has its listeners under the second.
PLACES = (
    ("ssl_options", "listeners.ssl."),
    ("management.ssl", "management.ssl.port"),
    ("mqtt.ssl", "mqtt.listeners.ssl."),
    ("stomp.ssl", "stomp.listeners.ssl."),
    ("web_mqtt.ssl", "web_mqtt.ssl.port"),
    ("web_stomp.ssl", "web_stomp.ssl.port"),
    ("prometheus.ssl", "prometheus.ssl.port"),
)


class _Rabbitmq:
    """The source for the nodes whose configuration files match."""

    def __init__(self, config: Sequence[str]) -> None:
        self.config = config

    def find(self) -> Iterator[Found]:
        """Every certificate file; a configuration that cannot be read is one record with its error."""
        uses: List[Use] = []
        for path in named(self.config, OPTIONS["config"]["default"]):
            walk = Walk(NAME, lambda _text, _path: ())
            for one in [path, *below(os.path.join(os.path.dirname(path), "conf.d"), ".conf")]:
                walk.file(one)
            yield from walk.problems
            uses += _uses(walk)
        yield from found(NAME, uses)


def _uses(walk: Walk) -> List[Use]:
    values: Settings = {}
    for line in walk.lines:
        name, value = assigned(line.text, "#")
        if name:
            values[name] = (value.strip("'\""), line.path, line.number)
    uses: List[Use] = []
    for prefix, listeners in PLACES:
        certificate, config_file, line_number = values.get(f"{prefix}.certfile", ("", "", 0))
        if certificate:
            folder = os.path.dirname(config_file)
            key = values.get(f"{prefix}.keyfile", (certificate, "", 0))[0]
            listen = tuple(value for name, (value, _file, _line) in values.items() if name.startswith(listeners))
            uses.append(Use(config_file, line_number, path_in(folder, certificate), path_in(folder, key), listen=listen))
    return uses


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return _Rabbitmq(options.get("config") or OPTIONS["config"]["default"])
