# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a provider inside of another one's: {type: ..., its own options}, checked where no argument spec does it."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from .errors import ConfigError, check_path
from .identifiers import meant


def options_of(index: Any, given: Any, field: str) -> Tuple[str, Dict[str, Any]]:
    """The type and its options with their defaults; ConfigError names the option that is unknown, missing or of a wrong type."""
    if not isinstance(given, Mapping) or given.get("type") not in index.NAMES:
        raise ConfigError("needs a type", field=f"{field}.type", hint="one of " + ", ".join(index.NAMES))
    kind = str(given["type"])
    spec = index.options_of(kind)
    for name in given:
        if name != "type" and name not in spec:
            raise ConfigError("there is no such option", field=f"{field}.{name}", hint=meant(name, sorted(spec)))
    found: Dict[str, Any] = {}
    for name, one in spec.items():
        value = given.get(name)
        if value is None and one.get("required"):
            raise ConfigError(f"is needed for type {kind}", field=f"{field}.{name}")
        found[name] = one.get("default") if value is None else _typed(value, one, f"{field}.{name}")
    return kind, found


def plain(spec: Mapping[str, Any]) -> Dict[str, Any]:
    """The argument spec as Ansible knows it: without what it does not say itself about nested providers."""
    ours = ("provider", "providers")
    return {name: {key: value for key, value in one.items() if key not in ours} for name, one in spec.items()}


def _typed(value: Any, spec: Mapping[str, Any], field: str) -> Any:
    kind = spec.get("type", "str")
    if kind == "int" and isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    fits = {"int": int, "bool": bool, "list": list, "dict": Mapping}.get(kind, str)
    if not isinstance(value, fits) or (kind == "int" and isinstance(value, bool)):  # type: ignore[arg-type]
        raise ConfigError(f"must be of type {kind}", field=field)
    if kind == "path":
        check_path(value, field, spec.get("required"))
    if spec.get("choices") and value not in spec["choices"]:
        raise ConfigError(f"{str(value)[:60]!r} is none of {', '.join(map(str, spec['choices']))}", field=field)
    return value
