# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's collector of cycles stays out of work that makes millions of objects which all live on."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def paused() -> Iterator[None]:
    """No collection goes on in the block; for a step that makes much and ends with its process."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def uncollected() -> Iterator[None]:
    """No collection goes on in the block, and none after it looks at what is there at its end; what ends is freed as ever.

    A collection looks at every object that lives, again and again while an inventory grows, and finds none that could go.
    In Ansible's workers, which are forks, a look also makes a copy of each page that it is at.
    """
    if not gc.isenabled():
        yield
        return
    if gc.get_freeze_count():  # an inventory is read again: of the one before it nothing may stay
        gc.unfreeze()
        gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
