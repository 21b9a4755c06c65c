# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module of this name, whose failures end with what is kept, the next command and a page."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.plugin_utils.plain import PlainAction


class ActionModule(PlainAction):
    """Runs the module where the task says."""

    PAGE = "blind"
