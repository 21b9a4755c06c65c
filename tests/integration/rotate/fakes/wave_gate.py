# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped step, which asks real commands; the script may keep the answers of some hosts back."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.certops.clm.plugins.plugin_utils.shipped import wave_gate as shipped
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import Scripted, script


class ActionModule(Scripted, shipped.ActionModule):
    """Asks."""

    def step(self, args: Dict[str, Any], check_mode: bool) -> Any:
        answer = super().step(args, check_mode)
        if answer:
            answer["answers"] = {host: said for host, said in answer["answers"].items() if script("gate").get(host) != "unanswered"}
        return answer
