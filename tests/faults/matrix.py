# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cells there are, and why the others are not."""

from __future__ import annotations

import os
import shutil
from typing import Dict, List, Tuple

from .ca_proxy import LASTING
from .faults import FAULTS, faketime
from .incidents import has
from .providers import FIRST, ROWS, Provider
from .steps import BETWEEN_RUNS, HTTP, SERVER, WHOLE_RUN

Place = Tuple[str, str, str]  # provider, step, fault
DISK = ("no space", "read-only", "not permitted", "disk error", "quota")
SUBSET: List[Place] = [(FIRST, *pair) for pair in (
    ("key write", "kill before"), ("swap, second file", "kill before"), ("record", "kill before"), ("key write", "no space"),
    ("record", "read-only"), ("roll back", "reload lies, kill"), (BETWEEN_RUNS, "stale lease"), (BETWEEN_RUNS, "journal cut"),
    ("key rename", "kill after"), ("settle", "kill before"),
)]  # fmt: skip
NO_ROOM = {
    "key fsync": "the bytes are written: a full disk is met at the key's write",
    "key rename": "a rename needs no room", "key rename, second copy": "a rename needs no room",
    "key fsync on the host": "the bytes are written: a full disk is met at the key's write",
    "key rename on the host": "a rename needs no room",
    "reload": "nothing is written", "prove": "nothing is written",
}  # fmt: skip


def why_not(provider: Provider, step: str, fault: str) -> str:
    """Why the pair is no cell of the provider; empty when it is one."""
    if provider.faults and fault not in provider.faults:
        return "not chosen: the row is there for its own faults"
    if FAULTS[fault].fleet:
        return "" if len(provider.hosts) > 1 and step == WHOLE_RUN else "not applicable: there is one server"
    if FAULTS[fault].service:
        return "" if provider.faults and step == WHOLE_RUN else "not applicable: it is a way of one kind of CA"
    if FAULTS[fault].at:
        return "" if provider.wide and step in FAULTS[fault].at else "not applicable: what it is has no other place"
    if fault.startswith(("clock", "server's clock")):
        return "" if step == WHOLE_RUN else "not applicable: a clock is wrong for a whole run"
    if FAULTS[fault].numbers == "F17" and fault not in provider.faults:
        return "not applicable: the store is no service"
    if FAULTS[fault].numbers in ("F23", "F25", "F26"):
        return "" if step == BETWEEN_RUNS else "not applicable: damage is found by the next run"
    if step in (WHOLE_RUN, BETWEEN_RUNS):
        return "not applicable: the fault needs one step"
    return _why_not_at_a_call(provider, step, fault)


def _why_not_at_a_call(provider: Provider, step: str, fault: str) -> str:
    one = provider.steps[step]
    if bool(FAULTS[fault].ca) > (one.call == HTTP):
        return "not applicable: no CA answers there"
    if FAULTS[fault].ca and FAULTS[fault].ca not in LASTING and one.nth > 1:
        return "not applicable: it is answered so each time, from the first on"
    if FAULTS[fault].ca == "replaced":
        return "" if step == "order" else "not applicable: only an order says what it replaces"
    if FAULTS[fault].word:
        if step != "reload":
            return "not applicable: it is the server's answer to the reload"
        return "" if FAULTS[fault].word in provider.stands else "not applicable: this server cannot be made to do that"
    if fault == "reload lies, kill":
        return "" if step == "roll back" else "not applicable: it is a fault of the rollback"
    if fault.startswith("proxy"):
        return "" if step == "prove" else "not applicable: only the proof goes over the network"
    if fault == "kill the module":
        return "" if one.side == SERVER else "not applicable: no module runs on the server at this step"
    if fault == "kill after" and step == "reload":
        return "not applicable: a program that was started is not held any more"
    if (step, fault) == ("issue", "no space"):
        return "not applicable: the last page of the CA's log has room for one more line; disk error and quota are the cells"
    if fault in DISK and (step in NO_ROOM and (fault in ("no space", "quota") or not one.folder)):
        return f"not applicable: {NO_ROOM[step]}"
    return ""


def not_here(fault: str) -> str:
    """Why this machine cannot do it; empty when it can."""
    if FAULTS[fault].means.startswith("faketime") and not faketime():
        return "not run: no libfaketime on this machine"
    if has(*FAULTS[fault].needs):
        return has(*FAULTS[fault].needs)
    if fault in ("no space", "read-only", "not permitted") and (os.geteuid() != 0 or not shutil.which("chattr")):
        return "not run: only root may mount and forbid"
    return ""


def matrix() -> Tuple[List[Place], Dict[str, List[str]]]:
    """(the cells in their order, everything else by its reason)."""
    cells: List[Place] = []
    rest: Dict[str, List[str]] = {}
    for provider in ROWS.values():
        for step in provider.spine:
            for fault in FAULTS:
                reason = why_not(provider, step, fault)
                if not reason:
                    cells.append((provider.name, step, fault))
                else:
                    rest.setdefault(reason, []).append(f"{provider.name}: {step} x {fault}")
    return cells, rest
