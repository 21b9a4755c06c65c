# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one guarded import of what speaks ACME; everything else takes it from here and calls `require_acme()` before using it."""

from __future__ import annotations

from ..errors import MissingLibraryError

try:
    import josepy
    import requests
    from acme import jws, messages

    HAS_ACME = True
except ImportError:
    josepy = requests = jws = messages = None  # type: ignore
    HAS_ACME = False

__all__ = ("HAS_ACME", "josepy", "jws", "messages", "require_acme", "requests")


def require_acme() -> None:
    """Return when the packages are there; else MissingLibraryError with the ones to install."""
    if not HAS_ACME:
        raise MissingLibraryError(
            "the Python packages acme and josepy are not installed where this runs",
            hint="pip install 'acme>=4.0.0' 'josepy>=2.0.0'",
        )
