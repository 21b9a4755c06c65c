# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates as they stand in files and answers. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional


def moment_of(text: object) -> Optional[datetime]:
    """The moment of an RFC 3339 text, in UTC where it names no offset; None for everything else, whatever it is."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
