# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a certificate may be waited for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

PATIENCE = timedelta(hours=12)  # what waits for an issuer is no failure while more than this, and a quarter of the life, is left


def can_wait(life: Any, now: datetime) -> bool:
    """True while enough is left between notBefore and notAfter of what is served, or kept, to wait for an issuer."""
    if not life or life[0] is None or life[1] is None:
        return False
    return bool(life[1] - now > max(PATIENCE, (life[1] - life[0]) / 4))
