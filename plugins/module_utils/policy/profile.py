# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile: the named set of properties that every request of a kind has."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, Mapping, Tuple

from ..errors import ConfigError
from ..identifiers import meant
from ..x509.key import KEY_TYPES
from ..x509.names import check_name, is_address
from .duration import DAY, duration
from .presets import _index as presets

__all__ = ("Profile", "allows_name", "duration")

USAGES = ("server_auth", "client_auth")


@dataclass(frozen=True)
class Profile:
    """What a request asks for. Times are seconds.

    `lifetime` is the whole validity with its first and last second both counted, so a 200 day certificate is one of exactly
    200 days by the CA/Browser Forum's rule; `validity` computes the dates. `names_allowed` empty means any name.
    """

    name: str
    key_type: str = "ecdsa-p256"
    lifetime: int = 90 * DAY
    backdate: int = 300
    usages: Tuple[str, ...] = ("server_auth",)
    names_allowed: Tuple[str, ...] = ()
    common_name: bool = False
    reuse_key: bool = False
    policies: Tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Any]) -> Profile:
        """The profile of a manifest's mapping; ConfigError names the field that is unknown or wrong."""
        known = [one.name for one in fields(cls) if one.name != "name"]
        unknown = sorted(str(one) for one in data if one not in known)
        if unknown:
            raise ConfigError(f"unknown field {unknown[0]!r}", hint=meant(unknown[0], known), field=f"profiles.{name}")
        values = {str(key): _READ[str(key)](value, f"profiles.{name}.{key}") for key, value in data.items() if value is not None}
        profile = cls(name=name, **values)
        if profile.lifetime <= profile.backdate:
            hint = "a number counts seconds: write 90d for days" if isinstance(data.get("lifetime"), int) else ""
            raise ConfigError("the lifetime is not longer than the backdate", field=f"profiles.{name}.lifetime", hint=hint)
        return profile

    def validity(self, now: datetime) -> Tuple[datetime, datetime]:
        """notBefore and notAfter of a certificate issued now: `backdate` ago, and `lifetime` later, its last second included."""
        start = now.replace(microsecond=0) - timedelta(seconds=self.backdate)
        return start, start + timedelta(seconds=self.lifetime - 1)

    def as_dict(self) -> Dict[str, Any]:
        """The profile as JSON data."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}


def allows_name(patterns: Tuple[str, ...], name: str) -> bool:
    """True when a canonical name is allowed: "*.example.com" is everything below it, a network holds its addresses."""
    return not patterns or any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    if "/" in pattern:
        return is_address(name) and ipaddress.ip_address(name) in ipaddress.ip_network(pattern)
    if pattern.startswith("*."):
        return not is_address(name) and name.endswith(pattern[1:])
    return name == pattern


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _key_type(value: Any, field: str) -> str:
    if value not in KEY_TYPES:
        raise ConfigError(f"unknown key type {str(value)[:40]!r}", hint=f"one of {', '.join(KEY_TYPES)}", field=field)
    return str(value)


def _boolean(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError("true or false is needed", field=field)
    return value


def _texts(value: Any, field: str) -> Tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise ConfigError("a list of texts is needed", field=field)
    return tuple(str(one) for one in value)


def _usages(value: Any, field: str) -> Tuple[str, ...]:
    usages = _texts(value, field)
    unknown = [one for one in usages if one not in USAGES]
    if unknown or not usages:
        raise ConfigError(f"unknown usage {unknown[0]!r}" if unknown else "it is empty", hint=f"of {', '.join(USAGES)}", field=field)
    return usages


def _patterns(value: Any, field: str) -> Tuple[str, ...]:
    return tuple(_pattern(one.lower(), f"{field}[{index}]") for index, one in enumerate(_texts(value, field)))


def _pattern(text: str, field: str) -> str:
    if "/" in text:
        try:
            return str(ipaddress.ip_network(text))
        except ValueError:
            raise ConfigError(f"{text[:80]!r} is no network", field=field) from None
    return "*." + check_name(text[2:], field) if text.startswith("*.") else check_name(text, field)


def _policies(value: Any, field: str) -> Tuple[str, ...]:
    names = _texts(value, field)
    for one in names:
        if one not in presets.NAMES:
            raise ConfigError(f"unknown policy {one[:40]!r}", hint=f"one of {', '.join(presets.NAMES)}", field=field)
    return names


_READ: Dict[str, Callable[[Any, str], Any]] = {
    "key_type": _key_type,
    "lifetime": duration,
    "backdate": duration,
    "usages": _usages,
    "names_allowed": _patterns,
    "common_name": _boolean,
    "reuse_key": _boolean,
    "policies": _policies,
}
