# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a certificate: read when asked for, and never raising."""

from __future__ import annotations

from typing import Any, Callable, Generic, TypeVar

from ._show import one_line

T = TypeVar("T")


class Fact(Generic[T]):
    """A fact that is read once, when first asked for; where reading it fails it is the default and `malformed` names it.

    Not functools.cached_property: its lock (Python < 3.12) costs more than most facts do.
    """

    def __init__(self, read: Callable[[Any], T], default: Any) -> None:
        self._read, self._default, self._name = read, default, read.__name__
        self.__doc__ = read.__doc__

    def __get__(self, certificate: Any, owner: Any = None) -> T:
        value: T = self._default
        try:
            value = self._read(certificate)
        except Exception as error:  # hostile bytes raise anything: ValueError, TypeError, OverflowError, ...
            name = self._name.lstrip("_")
            certificate.problems.setdefault(name, f"{name}: {one_line(error)}")
        certificate.__dict__[self._name] = value
        return value


def fact(default: Any) -> Callable[[Callable[[Any], T]], Fact[T]]:
    """A decorator of the method that reads it; `default` is what it is where that fails."""
    return lambda read: Fact(read, default)
