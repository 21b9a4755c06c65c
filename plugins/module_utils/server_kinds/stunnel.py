# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stunnel: the certificates of its services."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Sequence

from ..contracts import Clock, Source
from ._read import Use
from ._walk import Settings, Walk, Walked, assigned, below, path_in

NAME = "stunnel"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "list", "elements": "str", "default": ["/etc/stunnel/*.conf"]},
    "check": {"type": "list", "elements": "str", "default": []},  # it has none
    "reload": {"type": "dict", "default": {"systemd": "stunnel4"}},
    "endpoint": {"type": "dict", "default": {"port": 443, "starttls": "none"}},
}


def _include(text: str, path: str) -> Sequence[str]:
    """`include = folder` reads all that is in it."""
    name, value = assigned(text)
    return below(os.path.join(os.path.dirname(path), value)) if name == "include" and value else ()


def _uses(walk: Walk) -> List[Use]:
    """What stands before the first service holds for all of them."""
    everywhere: Settings = {}
    services: List[Settings] = []
    here = everywhere
    for line in walk.lines:
        text = line.text.strip()
        if text.startswith("[") and text.endswith("]"):
            here = {}
            services.append(here)
        name, value = assigned(text)
        if name:
            here[name] = (value, line.path, line.number)
    return [use for service in services for use in _use({**everywhere, **service})]


def _use(service: Settings) -> List[Use]:
    if "cert" not in service or service.get("client", ("no",))[0].lower() == "yes":
        return []
    certificate, config_file, line = service["cert"]
    folder = os.path.dirname(config_file)
    key = service.get("key", service["cert"])[0]
    listen = tuple(value for value, _file, _line in [service.get("accept", ("", "", 0))] if value)
    names = tuple(value.partition(":")[2] for value, _file, _line in [service.get("sni", ("", "", 0))] if ":" in value)
    return [Use(config_file, line, path_in(folder, certificate), path_in(folder, key), names, listen)]


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return Walked(NAME, options, OPTIONS, _include, lambda walk, path: _uses(walk))
