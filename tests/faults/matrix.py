# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cells there are, and why the others are not."""

from __future__ import annotations

import os
import shutil
from typing import Dict, List, Tuple

from .faults import FAULTS, faketime
from .steps import BETWEEN_RUNS, DOWNLOAD, SERVER, SPINE, STEPS, WHOLE_RUN

Pair = Tuple[str, str]
NETWORK = ("CA answers 429", "CA answers 503", "CA away for hours", "CA resets in mid-body", "CA answers HTML")  # F13-F15
DISK = ("no space", "read-only", "not permitted", "disk error", "quota")
AT_RELOAD = ("check refuses", "reload fails", "reload lies", "server dies", "server refuses", "server hangs")
SUBSET: List[Pair] = [
    ("key write", "kill before"), ("swap, second file", "kill before"), ("record", "kill before"), ("key write", "no space"),
    ("record", "read-only"), ("roll back", "reload lies, kill"), (BETWEEN_RUNS, "stale lease"), (BETWEEN_RUNS, "journal cut"),
    ("key rename", "kill after"), ("settle", "kill before"),
]  # fmt: skip
NO_ROOM = {
    "key fsync": "the bytes are written: a full disk is met at the key's write",
    "key rename": "a rename needs no room",
    "reload": "nothing is written", "prove": "nothing is written",
}  # fmt: skip


def why_not(step: str, fault: str) -> str:
    """Why the pair is no cell; empty when it is one."""
    if step == DOWNLOAD or fault in NETWORK:
        later = step == DOWNLOAD and (fault in NETWORK or fault.startswith("kill"))
        return "needs issue 6" if later else "not applicable: no CA answers there"
    if fault.startswith(("clock", "server's clock")):
        return "" if step == WHOLE_RUN else "not applicable: a clock is wrong for a whole run"
    if FAULTS[fault].numbers in ("F23", "F25", "F26"):
        return "" if step == BETWEEN_RUNS else "not applicable: damage is found by the next run"
    if step in (WHOLE_RUN, BETWEEN_RUNS):
        return "not applicable: the fault needs one step"
    return _why_not_at_a_call(step, fault)


def _why_not_at_a_call(step: str, fault: str) -> str:
    if fault in AT_RELOAD:
        return "" if step == "reload" else "not applicable: it is the server's answer to the reload"
    if fault == "reload lies, kill":
        return "" if step == "roll back" else "not applicable: it is a fault of the rollback"
    if fault.startswith("proxy"):
        return "" if step == "prove" else "not applicable: only the proof goes over the network"
    if fault == "kill the module":
        return "" if STEPS[step].side == SERVER else "not applicable: no module runs on the server at this step"
    if fault == "kill after" and step == "reload":
        return "not applicable: a program that was started is not held any more"
    if (step, fault) == ("issue", "no space"):
        return "not applicable: the last page of the CA's log has room for one more line; disk error and quota are the cells"
    if fault in DISK and (step in NO_ROOM and (fault in ("no space", "quota") or not STEPS[step].folder)):
        return f"not applicable: {NO_ROOM[step]}"
    return ""


def not_here(fault: str) -> str:
    """Why this machine cannot do it; empty when it can."""
    if FAULTS[fault].means.startswith("faketime") and not faketime():
        return "not run: no libfaketime on this machine"
    if fault in ("no space", "read-only", "not permitted") and (os.geteuid() != 0 or not shutil.which("chattr")):
        return "not run: only root may mount and forbid"
    return ""


def matrix() -> Tuple[List[Pair], Dict[str, List[Dict[str, str]]]]:
    """(the cells in their order, everything else by its reason)."""
    cells: List[Pair] = []
    rest: Dict[str, List[Dict[str, str]]] = {}
    for step in SPINE:
        for fault in (*FAULTS, *NETWORK):
            reason = why_not(step, fault)
            if not reason:
                cells.append((step, fault))
            else:
                rest.setdefault(reason, []).append({"step": step, "fault": fault})
    return cells, rest
