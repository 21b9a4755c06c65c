# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting in the controller's own process: what is waited for is shown, once for each holder."""

from __future__ import annotations

import time

from ansible.utils.display import Display

from ansible_collections.certops.clm.plugins.module_utils.flows.leasing import Pause, telling


def shown() -> Pause:
    """A pause for one task."""
    return telling(Display().display, time.sleep)
