# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a provider as a manifest gives them, checked against the provider's own argument spec."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Sequence

from ._manifest_fields import PUBLIC, Fields, kind_of, refuse, resolve
from .errors import check_path

SECRETS = "name a passphrase_file, which ansible-vault may encrypt"
OptionsOf = Callable[[str], Mapping[str, Mapping[str, Any]]]


def provider(data: Any, path: str, base: str, names: Sequence[str], options_of: OptionsOf) -> Dict[str, Any]:
    """`type` and the provider's options; unknown and missing ones are refused, paths are resolved against the manifest."""
    fields = Fields(data, path)
    kind = fields.choice("type", tuple(names))
    if not kind:
        fields.lacks("type", f"is needed: one of {', '.join(names)}")
    found: Dict[str, Any] = {"type": kind}
    for key, spec in options_of(kind).items():
        value = fields.take(key)
        if value is None:
            if spec.get("required"):
                fields.lacks(key, f"is needed for type {kind}")
            continue
        named = key == "anchors" and value == PUBLIC  # the public root set is no path
        found[key] = value if named else _option(value, fields.at(key), base, spec)
        if spec.get("provider"):  # one of another kind: what they are called, and their options
            found[key] = provider(found[key], fields.at(key), base, *spec["provider"])
        if spec.get("providers"):  # each one is a provider of the same kind
            found[key] = [provider(one, f"{fields.at(key)}[{number}]", base, names, options_of) for number, one in enumerate(found[key])]
    fields.finish()
    return found


def _option(value: Any, path: str, base: str, spec: Mapping[str, Any]) -> Any:
    kind = spec.get("type", "str")
    if spec.get("no_log"):
        refuse(path, "a manifest holds no secret: what it says is shown in inventories", hint=SECRETS)
    fits = {"int": int, "float": (int, float), "bool": bool, "list": list, "dict": Mapping}.get(kind, str)
    if not isinstance(value, fits) or (kind in ("int", "float") and isinstance(value, bool)):  # type: ignore[arg-type]
        refuse(path, f"must be of type {kind}, not {kind_of(value)}")
    if kind == "path":
        check_path(value, path, spec.get("required"))
    choices = spec.get("choices")
    if choices and value not in choices:
        refuse(path, f"{value!r} is none of {', '.join(map(str, choices))}")
    return resolve(base, value) if kind == "path" else value
