# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Postfix: the certificates of its SMTP server, by main.cf."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ..contracts import Clock, Found, Source
from ._read import MAX_PEM_BYTES, Use, found, read_file
from ._walk import Settings, Walk, named, path_in

NAME = "postfix"
OPTIONS: Dict[str, Any] = {
    "config": {"type": "list", "elements": "str", "default": ["/etc/postfix/main.cf"]},
    "check": {"type": "list", "elements": "str", "default": ["postfix", "check"]},
    "reload": {"type": "dict", "default": {"command": ["postfix", "reload"]}},
    "endpoint": {"type": "dict", "default": {"port": 25, "starttls": "smtp"}},
}
PAIRS = (("smtpd_tls_cert_file", "smtpd_tls_key_file"), ("smtpd_tls_eccert_file", "smtpd_tls_eckey_file"))
CHAINS = "smtpd_tls_chain_files"
MOST_EXPANSIONS = 20
_NAME = re.compile(r"\$[({]?([a-z0-9_]+)[)}]?")


def _settings(walk: Walk) -> Settings:
    """name = value, where a line that begins with a blank goes on with the one before."""
    values: Settings = {}
    name = ""
    for line in walk.lines:
        if not line.text.strip() or line.text.lstrip().startswith("#"):
            continue
        if line.text[0] in " \t":
            if name:
                value, path, number = values[name]
                values[name] = (f"{value} {line.text.strip()}".strip()[:100_000], path, number)
            continue
        name, equals, value = (part.strip() for part in line.text.partition("="))
        name = name if equals else ""
        if name:
            values[name] = (value, line.path, line.number)
    return values


def _value(values: Settings, name: str) -> str:
    """A value with the others put in that it names."""
    text = values.get(name, ("", "", 0))[0]
    for _round in range(MOST_EXPANSIONS):
        if "$" not in text or len(text) > 100_000:
            break
        text = _NAME.sub(lambda match: values.get(match.group(1), ("", "", 0))[0], text)
    return text


class _Postfix:
    """The source for the instances whose main.cf match."""

    def __init__(self, config: Sequence[str]) -> None:
        self.config = config

    def find(self) -> Iterator[Found]:
        """Every certificate file of the SMTP server; a configuration that cannot be read is one record with its error."""
        uses: List[Use] = []
        for path in named(self.config, OPTIONS["config"]["default"]):
            walk = Walk(NAME, lambda _text, _path: ())
            walk.file(path)
            yield from walk.problems
            uses += _uses(_settings(walk), os.path.dirname(path))
        yield from found(NAME, uses)


def _uses(values: Settings, folder: str) -> List[Use]:
    """The chain files where there are any, for Postfix then reads no other; a key stands in a file of its own or before its chain."""
    names = tuple(name for name in [_value(values, "myhostname")] if name)
    chains = [one for one in re.split(r"[,\s]+", _value(values, CHAINS)) if one]
    uses: List[Use] = []
    key = ""
    for path in chains:
        place = path_in(folder, path)
        if _holds(place, b"CERTIFICATE-----"):
            own = _holds(place, b"PRIVATE KEY-----")
            uses.append(Use(*values[CHAINS][1:], place, place if own else key, names, ("25",)))
        else:
            key = place
    for certificate, private in () if chains else PAIRS:
        path = _value(values, certificate)
        if path and path != "none":
            key = _value(values, private) or path
            uses.append(Use(*values[certificate][1:], path_in(folder, path), path_in(folder, key), names, ("25",)))
    return uses


def _holds(path: str, mark: bytes) -> bool:
    try:
        return mark in read_file(path, MAX_PEM_BYTES)
    except (OSError, ValueError):
        return mark.startswith(b"CERT")  # to be said as a certificate file that cannot be read


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return _Postfix(options.get("config") or OPTIONS["config"]["default"])
