# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped step; nothing of it reaches out."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.plugin_utils.shipped import wave_settle as shipped
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import Scripted


class ActionModule(Scripted, shipped.ActionModule):
    """Decides."""
