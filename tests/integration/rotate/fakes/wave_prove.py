# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped step with eyes that see what the script says: every endpoint serves what is wanted, or not."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Proof
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, Observation
from ansible_collections.certops.clm.plugins.plugin_utils.shipped import wave_prove as shipped
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import Scripted, log, script, swap

ANSWERS = {"not_served": NOT_SERVED, "could_not_look": COULD_NOT_LOOK}


class _Looker:
    def __init__(self, *given: Any, **more: Any) -> None:
        self.seen: Dict[str, Any] = {}

    def look(self, items: Sequence[str]) -> Dict[str, Proof]:
        for item in items:
            endpoint = Endpoint(item, 443)
            blind = script("look").get(item) == "could_not_look"
            self.seen[endpoint.key] = [Observation(endpoint, "", COULD_NOT_LOOK if blind else "answered")]
        return {item: Proof(ANSWERS.get(script("look").get(item, ""), SERVED), detail="seen") for item in items}


swap(shipped, load=lambda path: None, anchors_of=lambda *given: {}, Looker=_Looker)


class ActionModule(Scripted, shipped.ActionModule):
    """Looks without a network."""

    def step(self, args: Dict[str, Any], check_mode: bool) -> Any:
        log("soak", args["plan"]["hosts"], seconds=args["soak"])
        return super().step(args, check_mode)
