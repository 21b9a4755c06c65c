# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dovecot: the certificates of its mail services, by dovecot.conf and what it includes."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..contracts import Clock, Source
from ._read import Use
from ._walk import Walk, Walked, matching, path_in

NAME = "dovecot"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "list", "elements": "str", "default": ["/etc/dovecot/dovecot.conf"]},
    "check": {"type": "list", "elements": "str", "default": ["doveconf", "-n"]},
    "reload": {"type": "dict", "default": {"command": ["doveadm", "reload"]}},
    "endpoint": {"type": "dict", "default": {"port": 993, "starttls": "none"}},
}
# The first of a pair is the certificate, the second its key; those with _file are of Dovecot 2.4.
PAIRS = (("ssl_cert", "ssl_key"), ("ssl_alt_cert", "ssl_alt_key"), ("ssl_server_cert_file", "ssl_server_key_file"))
WORDS = frozenset(word for pair in PAIRS for word in pair)
_INCLUDE = re.compile(r"!include(?:_try)?\s+(\S.*)")
_BLOCK = re.compile(r"(\w+)\s*([^{}]*?)\s*\{\s*\Z")

Block = Tuple[Tuple[str, ...], Dict[str, Tuple[str, str, int]]]  # names of its local_name, values


def _include(text: str, path: str) -> Sequence[str]:
    match = _INCLUDE.match(text.strip())
    return matching(os.path.dirname(path), match.group(1).strip()) if match else ()


def _uses(walk: Walk) -> List[Use]:
    """A block has what it sets itself; what it does not set is of the block around it, whose use is told there."""
    stack: List[Block] = [((), {})]
    uses: List[Use] = []
    for line in walk.lines:
        text = line.text.split("#")[0].strip() if "<" not in line.text else line.text.strip()
        opened = _BLOCK.match(text)
        if opened:
            names = tuple(opened.group(2).split()) if opened.group(1) == "local_name" else stack[-1][0]
            stack.append((names, {}))
        elif text == "}":
            uses += _of(stack.pop()) if len(stack) > 1 else []
        else:
            name, _equals, value = text.partition("=")
            if name.strip() in WORDS:
                stack[-1][1][name.strip()] = (value.strip().lstrip("<").strip().strip('"'), line.path, line.number)
    return [use for block in stack for use in _of(block)] + uses


def _of(block: Block) -> List[Use]:
    names, values = block
    uses: List[Use] = []
    for certificate, key in PAIRS:
        path, config_file, line = values.get(certificate, ("", "", 0))
        if path:
            folder = os.path.dirname(config_file)
            private = values.get(key, (path, "", 0))[0]
            uses.append(Use(config_file, line, path_in(folder, path), path_in(folder, private), names))
    return uses


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return Walked(NAME, options, OPTIONS, _include, lambda walk, path: _uses(walk))
