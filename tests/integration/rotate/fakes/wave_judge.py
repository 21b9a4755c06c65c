# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped step with a judge that follows the script: what was seen is what is wanted, or not."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Proof
from ansible_collections.certops.clm.plugins.plugin_utils.shipped import wave_judge as shipped
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import Scripted, script, swap


class _Looker:
    def __init__(self, *given: Any, **more: Any) -> None:
        pass

    def judge(self, item: str, endpoint: Any, observations: Sequence[Any]) -> Proof:
        blind = [seen.error for seen in observations if seen.answer == COULD_NOT_LOOK]
        if blind:
            return Proof(COULD_NOT_LOOK, detail=blind[0])
        return Proof(NOT_SERVED if script("judged").get(item) == "not_served" else SERVED, detail="seen")


swap(shipped, load=lambda path: None, anchors_of=lambda *given: {}, Looker=_Looker)


class ActionModule(Scripted, shipped.ActionModule):
    """Judges without certificates."""
