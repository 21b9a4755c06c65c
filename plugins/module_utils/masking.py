# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that do not show themselves. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

from typing import Any, NoReturn

try:  # ansible-core >= 2.22 masks registered values in whatever it prints
    from ansible.module_utils.secrets import register_secret as _register_secret  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    _register_secret = None


class Secret:
    """Bytes that no repr, format, pickle, copy or JSON encoder gives away; `reveal()` is the only way to them."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value
        if _register_secret is not None:
            _register_secret(value.decode("utf-8", "replace"))

    def reveal(self) -> bytes:
        """The bytes. Call it where they are written or used, and keep no copy."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never serialised")

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)
