# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a mapping field by field; an error names the whole path of the field, and a field that nobody asked for is one."""

from __future__ import annotations

import difflib
import os
import re
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple

from .errors import ConfigError
from .identifiers import is_name, meant

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
LONGEST_TEXT = 2000
PUBLIC = "public"  # in place of a file with anchors: the public root set


def refuse(path: str, message: str, hint: str = "") -> NoReturn:
    """Raise the one error of this file."""
    raise ConfigError(message, field=path, hint=hint)


class Fields:
    """A mapping that is read once: every reader takes its field out, `finish` refuses what is left."""

    def __init__(self, data: Any, path: str, defaults: Optional[Mapping[str, Any]] = None) -> None:
        if data.__class__ is not dict and not isinstance(data, Mapping):
            refuse(path, f"must be a mapping, not {kind_of(data)}")
        for key in data:
            if not isinstance(key, str):
                refuse(path, f"the key {key!r} must be text", hint="put it in quotes")
        self._data: Dict[str, Any] = dict(data)
        self._defaults: Mapping[str, Any] = defaults or {}
        self._known: List[str] = []
        self.path = path

    def at(self, key: str) -> str:
        """The path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def take(self, key: str, default: Any = None) -> Any:
        """The raw value, else what the manifest's defaults say, else `default`; null counts as not given."""
        self._known.append(key)
        value = self._data.pop(key, None)
        if value is None:
            value = self._defaults.get(key)
        return default if value is None else value

    def text(self, key: str, default: str = "") -> str:
        """One line of text."""
        value = self.take(key, default)
        return default if value is default else one_line(value, self.at(key))

    def name(self, key: str, default: str = "") -> str:
        """A name; empty only when the default is."""
        value = self.text(key, default)
        if value and not is_name(value):
            refuse(self.at(key), f"{value!r} is no name", hint=NAME_HINT)
        return value

    def choice(self, key: str, choices: Sequence[str], default: str = "") -> str:
        """One of the choices; YAML's bare no and off are taken for what they look like."""
        value = self.text(key, default)
        if value and value not in choices:
            refuse(self.at(key), f"{value!r} is none of {', '.join(choices)}")
        return value

    def flag(self, key: str) -> bool:
        """True or false, false when not given."""
        value = self.take(key, False)
        if not isinstance(value, bool):
            refuse(self.at(key), f"must be true or false, not {kind_of(value)}")
        return value

    def number(self, key: str, default: int, lowest: int, highest: int) -> int:
        """A whole number within bounds."""
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            wanted = f"{lowest}" if lowest == highest else f"a whole number from {lowest} to {highest}"
            whole = isinstance(value, int) and not isinstance(value, bool)
            refuse(self.at(key), f"must be {wanted}, not {value if whole else kind_of(value)}", hint=bare(value))
        return value

    def texts(self, key: str) -> Tuple[str, ...]:
        """A list of one-line texts; empty when not given."""
        return tuple([one_line(value, where) for where, value in self.items(key)])

    def items(self, key: str) -> List[Tuple[str, Any]]:
        """Path and raw value of every item of a list; empty when not given."""
        value = self.take(key)
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            refuse(self.at(key), f"must be a list, not {kind_of(value)}")
        at = self.at(key)
        return [(f"{at}[{index}]", item) for index, item in enumerate(value)]

    def named(self, key: str) -> List[Tuple[str, str, Any]]:
        """Name, path and raw value of every item of a mapping of names; empty when not given."""
        value = self.take(key, {})
        if not isinstance(value, Mapping):
            refuse(self.at(key), f"must be a mapping, not {kind_of(value)}")
        for name in value:
            if not is_name(name):
                refuse(self.at(key), f"{name!r} is no name", hint=NAME_HINT)
        return [(name, f"{self.at(key)}.{name}", item) for name, item in value.items()]

    def rest(self) -> Dict[str, Any]:
        """Everything that was not read yet, for a reader of its own."""
        rest, self._data = self._data, {}
        return rest

    def finish(self) -> None:
        """Refuse every field that no reader knew."""
        for key in self._data:
            refuse(self.at(key), "there is no such field", hint=meant(key, sorted(set(self._known))))

    def lacks(self, key: str, message: str, hint: str = "") -> NoReturn:
        """Refuse that a field is not there, by the name that was given in its place where one looks like it."""
        typo = difflib.get_close_matches(key, self._data, 1)
        if typo:
            refuse(self.at(typo[0]), "there is no such field", hint=f"did you mean {key}?")
        refuse(self.at(key), message, hint)


def literal(value: str) -> str:
    """The hint for a text in which somebody expects Jinja to be at work."""
    return TEMPLATED if "{{" in value or "{%" in value else ""


def bare(value: Any) -> str:
    """The hint for a number that was written as text."""
    return "write it without quotes" if isinstance(value, str) and value.strip().isdecimal() else ""


TEMPLATED = "nothing in a manifest is templated: write the value itself, or make the file with ansible.builtin.template"
NAME_HINT = "names are lower-case letters, digits, '.', '_' and '-', begin with a letter or digit, and have at most 120 of them"


def kind_of(value: Any) -> str:
    """The type of a value in the words of YAML."""
    names = {type(None): "nothing", bool: "true or false", int: "a number", float: "a number", str: "text"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return name
    return "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, (list, tuple)) else type(value).__name__


def one_line(value: Any, path: str) -> str:
    """Text without control characters; a number is refused, because YAML reads 1e10 or 0123 as something else."""
    if value.__class__ is str and len(value) <= LONGEST_TEXT and value.isprintable():  # which nearly every text is
        return str(value)
    if not isinstance(value, str):
        refuse(path, f"must be text, not {kind_of(value)}", hint="put it in quotes" if isinstance(value, (bool, int, float)) else "")
    if len(value) > LONGEST_TEXT or _CONTROL.search(value):
        refuse(path, f"must be one line of at most {LONGEST_TEXT} characters")
    return str(value)


def sha256(value: Any, path: str) -> str:
    """The SHA-256 of a certificate in hex, with or without colons, as 64 lower-case digits."""
    plain = one_line(value, path).replace(":", "").lower()
    if not SHA256.match(plain):
        refuse(path, "must be the SHA-256 of a certificate in 64 hex digits")
    return plain


def resolve(base: str, value: str) -> str:
    """A path relative to the folder of the manifest; `~` is the home of who runs Ansible. Links are kept."""
    return os.path.normpath(os.path.join(base, os.path.expanduser(value)))
