# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Caddy: the certificate files that its Caddyfile names; those that Caddy gets for itself are its own business."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..contracts import Clock, Source
from ._read import Use
from ._walk import Walk, Walked, below, matching, path_in, words_of

NAME = "caddy"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "list", "elements": "str", "default": ["/etc/caddy/Caddyfile"]},
    "check": {"type": "list", "elements": "str", "default": ["caddy", "validate", "--config", "/etc/caddy/Caddyfile"]},
    # --force, for a configuration that did not change is else not loaded, and its files are not read again
    "reload": {"type": "dict", "default": {"command": ["caddy", "reload", "--force", "--config", "/etc/caddy/Caddyfile"]}},
    "endpoint": {"type": "dict", "default": {"port": 443, "starttls": "none"}},
}
CERTIFICATE_AND_KEY = 3  # words of `tls CERTIFICATE KEY`


def _include(text: str, path: str) -> Sequence[str]:
    """`import` of files; that of a snippet names no file, and so nothing."""
    words = words_of(text)
    if len(words) < 2 or words[0] != "import":
        return ()
    return [one for place in matching(os.path.dirname(path), words[1]) for one in (below(place) if os.path.isdir(place) else [place])]


def _uses(walk: Walk) -> List[Use]:
    """The addresses in front of the outermost block are the site's."""
    uses: List[Use] = []
    depth, names, listen = 0, (), ()  # type: int, Tuple[str, ...], Tuple[str, ...]
    waiting: List[str] = []
    for line in walk.lines:
        words = words_of(line.text)
        opens = bool(words) and words[-1] == "{"
        if depth == 0 and words[:1] != ["import"]:
            waiting += [word for part in words for word in part.split(",") if word not in ("", "{", "}")]
            if opens:
                names, listen = _addresses(waiting)
                waiting = []
        elif words[:1] == ["tls"] and len(words[: -1 if opens else None]) == CERTIFICATE_AND_KEY:
            folder = os.path.dirname(line.path)
            uses.append(Use(line.path, line.number, path_in(folder, words[1]), path_in(folder, words[2]), names, listen))
        depth = max(0, depth + opens - (words == ["}"]))
    return uses


def _addresses(words: Sequence[str]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """(names, host:port) of site addresses as https://a.example:8443/path."""
    plain = [word.split("://")[-1].split("/")[0] for word in words]
    names = tuple(host for host, _colon, _port in (word.rpartition(":") if ":" in word else (word, "", "") for word in plain) if host)
    return names, tuple(word for word in plain if ":" in word)


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return Walked(NAME, options, OPTIONS, _include, lambda walk, path: _uses(walk))
