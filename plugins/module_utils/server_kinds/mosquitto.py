# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mosquitto: the certificates of its listeners, by mosquitto.conf and its include_dir."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Sequence

from ..contracts import Clock, Source
from ._read import Use
from ._walk import Settings, Walk, Walked, below, path_in

NAME = "mosquitto"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "list", "elements": "str", "default": ["/etc/mosquitto/mosquitto.conf"]},
    "check": {"type": "list", "elements": "str", "default": []},  # it has none
    "reload": {"type": "dict", "default": {"systemd": "mosquitto"}},
    "endpoint": {"type": "dict", "default": {"port": 8883, "starttls": "none"}},
}
LISTENERS = ("listener", "port")  # `port` is the old form of the default listener


def _include(text: str, path: str) -> Sequence[str]:
    name, _blank, value = text.strip().partition(" ")
    return below(os.path.join(os.path.dirname(path), value.strip()), ".conf") if name == "include_dir" and value.strip() else ()


def _uses(walk: Walk) -> List[Use]:
    """What stands behind a listener is of that listener."""
    listeners: List[Settings] = [{}]
    for line in walk.lines:
        name, _blank, value = line.text.strip().partition(" ")
        if name in LISTENERS:
            listeners.append({})
        listeners[-1][name] = (value.strip(), line.path, line.number)
    uses: List[Use] = []
    for values in listeners:
        certificate, config_file, number = values.get("certfile", ("", "", 0))
        if certificate:
            folder = os.path.dirname(config_file)
            key = values.get("keyfile", (certificate, "", 0))[0]
            where = next((values[name][0] for name in LISTENERS if name in values), "1883")
            port, _blank, host = where.partition(" ")
            uses.append(Use(config_file, number, path_in(folder, certificate), path_in(folder, key), listen=(f"{host.strip()}:{port}",)))
    return uses


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return Walked(NAME, options, OPTIONS, _include, lambda walk, path: _uses(walk))
