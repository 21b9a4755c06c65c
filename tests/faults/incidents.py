# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that need more than one act: a clock that is set back, a network that swallows, paths that are not plain, a way back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List

from . import invariants
from .invariants import Broken
from .told import told
from .world import HOST

if TYPE_CHECKING:
    from .cell import Cell

NOBODY = {"ansible_become": True, "ansible_become_method": "sudo", "ansible_become_user": "nobody"}


# --- the clock (F24) ---


def own_clock(cell: Cell) -> None:
    """The controller's clock is read through the shim, which adds what the file says."""
    (cell.world.place / "clock").write_text("0")
    cell.environment["CLM_FAULT_CLOCK"] = str(cell.world.place / "clock")


def two_hours_back(cell: Cell) -> None:
    (cell.world.place / "clock").write_text("-7200")


# --- the network (F21) ---


def table(cell: Cell) -> str:
    return f"clm_faults_{cell.world.lab.hosts[HOST].address.replace('.', '_')}"


def swallow(cell: Cell) -> None:
    """Every packet to the host is dropped without an answer, and no connection of SSH lives on."""
    address, name = cell.world.lab.hosts[HOST].address, table(cell)
    rules = f"table inet {name} {{ chain input {{ type filter hook input priority 0; ip daddr {address} drop; }}; }}\n"
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    cell.world.drop(cut=False)


def pass_again(cell: Cell) -> None:
    subprocess.run(["nft", "delete", "table", "inet", table(cell)], check=False, capture_output=True)


# --- some of many servers (F21) ---


def others(cell: Cell) -> List[str]:
    return [name for name in cell.world.provider.hosts if name != HOST]


def away(count: int) -> Callable[[Cell], None]:
    """That many of the servers cannot be reached by SSH; they go on serving."""

    def prepare(cell: Cell) -> None:
        for name in others(cell)[-count:]:
            cell.world.lab.hosts[name].cut()
        cell.world.drop(cut=False)

    return prepare


def last_lies(cell: Cell) -> None:
    cell.world.provider.stand(cell.world.lab.servers[others(cell)[-1]], ("keep_old",))


def nobody_away(cell: Cell) -> None:
    """First what the fault left is looked at: every server serves the old one or the new one, whole."""
    cell.fleet = {name: invariants.look(cell.world.estate(name)) for name in cell.world.provider.hosts}
    for name in cell.world.provider.hosts:
        cell.world.lab.hosts[name].mend()
        cell.world.provider.stand(cell.world.lab.servers[name], ())


def all_serve_it(cell: Cell) -> Broken:
    """Who was done stayed good, the others stayed as they were, and in the end all of them serve the new one."""
    before, end = cell.looks["before"].served, cell.looks["in the end"]
    known = {before, *(invariants.sha256(der) for _request, der in end.issued)}
    broken = [f"F21: after the fault {name} served {one.served or one.handshake}" for name, one in cell.fleet.items()
              if one.served not in known or one.files]  # fmt: skip
    for name in cell.world.provider.hosts:
        served, why = invariants.handshake(cell.world.estate(name))
        broken += [] if served == end.served else [f"F21: in the end {name} serves {served or why}"]
    return broken


# --- paths and people of the server (F27) ---


def files(cell: Cell) -> List[Path]:
    return [cell.world.folder("tls") / name for name in ("api.pem", "api.key")]


def linked(cell: Cell) -> None:
    """What the manifest names are links to files in another folder."""
    elsewhere = cell.world.folder("tls") / "elsewhere"
    elsewhere.mkdir()
    for path in files(cell):
        path.rename(elsewhere / path.name)
        path.symlink_to(f"elsewhere/{path.name}")


def still_linked(cell: Cell) -> Broken:
    return [f"F27: {path.name} is no link any more" for path in files(cell) if not path.is_symlink()]


def mounted(cell: Cell) -> None:
    """Each file is a mount point of its own, as in a container: it can be written and not be renamed over."""
    view = cell.world.inside("tls")
    for name in ("api.pem", "api.key"):
        path = f"{cell.world.path('tls')}/{name}"
        subprocess.run([*view, "mount", "--bind", path, path], check=True)


def not_mounted(cell: Cell) -> None:
    view = cell.world.inside("tls")
    for name in ("api.pem", "api.key"):
        subprocess.run([*view, "umount", "-l", f"{cell.world.path('tls')}/{name}"], check=False, capture_output=True)


def hosts(cell: Cell, more: Dict[str, Any]) -> None:
    """Those variables, and no others of NOBODY, for every server."""
    path = cell.world.place / "hosts.json"
    data = json.loads(path.read_text())
    variables = data["all"]["children"]["lab"]["vars"]
    for name in NOBODY:
        variables.pop(name, None)
    variables.update(more)
    path.write_text(json.dumps(data, indent=1))


def as_nobody(cell: Cell) -> None:
    hosts(cell, NOBODY)


def as_root(cell: Cell) -> None:
    hosts(cell, {})


def refused_as_nobody(cell: Cell) -> Broken:
    """Whoever may not write there changes nothing and is told so."""
    hit, before = cell.looks["after the fault"], cell.looks["before"]
    return [] if hit.served == before.served else ["F27: what nobody may write was written"]


# --- the way back (F30) ---


def patient(cell: Cell) -> None:
    """A lease that outlives the start of another program, on a busy machine too: who is held cannot prolong it, and one that ran out
    is rightly taken over."""
    store = cell.world.campaign.manifest["secret_store"]
    for one in store.get("stores", [store]):
        one["lease_seconds"] = 120
    cell.world.campaign.write()


def back_meanwhile(cell: Cell) -> None:
    """Somebody wants the version before, while this run is in the middle of the new one."""
    process, events = cell.world.begin({}, "rollback", clm_lineage="api")
    cell.others.append((process, events))
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline and "Make the earlier version the current one" not in events.read_text():
        time.sleep(0.05)
    time.sleep(1.0)


def refused_back(cell: Cell) -> Broken:
    """It ended red, with a reason; the rotation's own version is the one that stays."""
    return [] if all(run.rc for run in cell.other_runs) else ["F30: a rollback in the middle of a rotation was not refused"]


def back_right_after(cell: Cell) -> Broken:
    """The new one is current, so going back from it is no longer in the middle: what is served is the version before, and recorded so."""
    before, hit = cell.looks["before"].served, cell.looks["after the fault"]
    if any(run.rc for run in cell.other_runs):
        return []  # it was refused: then its message and the rotation's end are judged as always
    found = [event for data in hit.chains.values() for event in invariants.events(data) if invariants.went_back(event)]
    broken = [] if hit.served == before else [f"F30: after the rollback {hit.served or hit.handshake} is served"]
    return broken + ([] if any(event["sha256"] == before for event in found) else ["F30: the rollback is not recorded"])


def long_lived(cell: Cell) -> None:
    """The new version lives twice as long as the one before."""
    cell.world.campaign.manifest["profiles"] = {"web": {"lifetime": "180d"}}
    cell.world.campaign.write()


def expired_back(cell: Cell) -> Broken:
    """A hundred days later the version before has expired: going back is refused, and what is served stays."""
    later = {"CLM_FAULT_CLOCK": str(cell.world.place / "clock"), "LD_PRELOAD": str(cell.gate.shim)}
    (cell.world.place / "clock").write_text(str(100 * 86400))
    served = invariants.handshake(cell.world.estate())[0]
    cell.world.on_server(later)
    run = cell.world.rollback(env=later)
    cell.world.on_server({})
    after = invariants.handshake(cell.world.estate())[0]
    broken = [] if after == served else [f"F30: {after} is served after a refused rollback, before it {served}"]
    if not run.rc:
        return [*broken, "F30: going back to an expired version was not refused"]
    return broken + told(run)["broken"] + ([] if "expired" in told(run)["said"] else [f"F30: not refused for its end: {told(run)['said']}"])


def has(*programs: str) -> str:
    """Why this machine cannot do it."""
    missing = [name for name in programs if not shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")]
    return f"not run: no {' and no '.join(missing)} on this machine" if missing else ""
