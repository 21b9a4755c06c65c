# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in the emulator of AWS: every file here is loaded, so a new one is all that a new patch needs."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Callable, Dict, Sequence

PATCHES: Dict[str, Callable[[], None]] = {}
STOCK = "stock"  # left out: all of them


def patch(apply: Callable[[], None]) -> Callable[[], None]:
    """One thing that is mended; by its name a test can leave it out."""
    if apply.__name__ in PATCHES:
        raise ValueError(f"two patches are called {apply.__name__}")
    PATCHES[apply.__name__] = apply
    return apply


def mend(without: Sequence[str]) -> None:
    """Apply every patch that is not left out."""
    for found in sorted(one.name for one in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{found}")
    for name, apply in PATCHES.items():
        if STOCK not in without and name not in without:
            apply()
