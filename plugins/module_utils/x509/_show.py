# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How facts of certificates look in results: JSON data, bounded, with dates as RFC 3339."""

from __future__ import annotations

import threading
import warnings
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Callable, Optional, TypeVar

from ._crypto import x509

MAX_NAMES_SHOWN = 1000
MAX_TEXT_SHOWN = 4096

T = TypeVar("T")
_WARNINGS = threading.RLock()  # catch_warnings puts back what it found, and of two threads the later one would find the other's


class _Quiet:
    """Nobody's warnings are shown while a block of it goes on: for work on many certificates, which are then read at less cost."""

    def __init__(self) -> None:
        self.blocks = 0
        self._caught: Optional[Any] = None

    def __enter__(self) -> None:
        with _WARNINGS:
            if not self.blocks:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("ignore")
            self.blocks += 1

    def __exit__(self, *_error: object) -> None:
        with _WARNINGS:
            self.blocks -= 1
            if not self.blocks and self._caught is not None:
                self._caught.__exit__()


quiet = _Quiet()


def quietly(read: Callable[[], T]) -> T:
    """What `read` returns, without the library's warnings: what is odd in a certificate is a finding, not a line on a terminal."""
    if quiet.blocks:
        return read()
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read()


def one_line(error: Exception) -> str:
    """One printable line of at most 200 characters: the text may quote what an attacker wrote."""
    return plain(str(getattr(error, "message", "") or error or type(error).__name__))


def plain(text: str, most: int = 200) -> str:
    """The text as one printable line of at most `most` characters, for sentences that quote what stands in a certificate."""
    words = " ".join(text[: 8 * most].split())
    return "".join(char if char.isprintable() else "?" for char in words)[:most]


@lru_cache(maxsize=256)
def rfc3339(moment: datetime) -> str:
    """The moment in UTC as results carry it, to the second, with Z."""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """The moment that `rfc3339` wrote; ValueError for any other text."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, tuple):
        return [shown(one) for one in value[:MAX_NAMES_SHOWN]]
    return value[:MAX_TEXT_SHOWN] if isinstance(value, str) else value


def is_url(name: Any) -> bool:
    return isinstance(name, x509.UniformResourceIdentifier)


def other_name(name: Any) -> str:
    if isinstance(name, x509.RFC822Name):
        return f"email:{name.value}"
    if isinstance(name, x509.UniformResourceIdentifier):
        return f"uri:{name.value}"
    if isinstance(name, x509.DirectoryName):
        return f"dirname:{name.value.rfc4514_string()}"
    if isinstance(name, x509.RegisteredID):
        return f"rid:{name.value.dotted_string}"
    return f"other:{name.type_id.dotted_string}" if isinstance(name, x509.OtherName) else "other"
