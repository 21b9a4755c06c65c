# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell: a forced rotation, one fault at one step, what the on-call person does then, and the invariants after it."""

from __future__ import annotations

import datetime
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

from ansible_collections.certops.clm.tests.lab.playbook import Run
from ansible_collections.certops.clm.tests.lab.watcher import Watcher

from . import invariants
from .faults import Fault
from .gate import Gate
from .invariants import Broken, Look
from .proxy import Proxy
from .steps import HTTP, SERVER, Step
from .told import green, told
from .world import World

LOOKS = 0.25  # seconds between two looks of the client that looks all the time
TRIED_BACK = ("key write", "swap, second file", "settle", "record")  # where rollback is really run; the files are judged everywhere
BACK = "before the rerun"  # the cause is away, so that also a server which nobody could reach is seen as the run left it
RERUNS = 2  # one, and one more where the first one had to clean up after the fault and said so


@dataclass
class Cell:
    """A step and a fault, and all that is known while it runs."""

    world: World
    step_name: str
    fault: Fault
    gate: Gate
    environment: Dict[str, str] = field(default_factory=dict)
    process: Any = None
    events: Path = Path()
    others: List[Any] = field(default_factory=list)  # (process, file of its events) of runs beside the one that is held
    other_runs: List[Run] = field(default_factory=list)
    caught: Optional[int] = None  # the process that was held; 0: its call failed
    killed: str = ""
    proxy: Optional[Proxy] = None
    ca_hits: int = 0
    noted: List[str] = field(default_factory=list)  # what a fault saw when it was mended
    looks: Dict[str, Look] = field(default_factory=dict)
    fleet: Dict[str, Look] = field(default_factory=dict)  # server -> what it served right after the fault

    @property
    def step(self) -> Step:
        return self.world.provider.steps[self.step_name]

    @property
    def held(self) -> bool:
        """Whether the fault belongs to one system call."""
        return self.step_name in self.world.provider.steps

    def look(self, when: str) -> None:
        self.looks[when] = invariants.look(self.world.estate())


def run_cell(world: World, step: str, fault: Fault) -> Dict[str, Any]:
    """The record of the cell, as it stands in matrix.json."""
    began, spent = time.monotonic(), world.cpu()
    world.reset()
    cell = Cell(world, step, fault, Gate(world.place / "gate", world.place / "trace"))
    cell.gate.trace.unlink(missing_ok=True)
    world.campaign.write()
    mended = False
    try:
        fault.prepare(cell)
        if fault.forced:
            world.campaign.force("fault")
        cell.look("before")
        with _watcher(world) as watcher:
            faulted = _faulted(cell)
            cell.look("after the fault")
            _mend(cell)
            mended = True
            cell.look(BACK)
            reruns = _reruns(cell)
        again = reruns[-1] if reruns[-1].rc == 0 and not reruns[-1].changed() else world.rotate(env=cell.gate.tracing())
        cell.look("in the end")
        broken = _judge(cell, watcher, faulted, reruns, again)
        broken += fault.judge(cell) + world.provider.alike(world.place) + (world.service.wrong() if world.service else [])
        broken += _back(cell) if fault.name == "kill before" and step in TRIED_BACK else []
    finally:
        for process in (cell.process, *(process for process, _events in cell.others)):
            if process is not None and process.poll() is None:
                world.kill(process, 0)
        if cell.proxy is not None:
            cell.proxy.close()
        if not mended:
            fault.mend(cell)
    window = cell.looks["after the fault"].files
    caught = cell.caught is not None or not cell.held or (cell.ca_hits > 0 if fault.ca else fault.prepares_only)
    return {"provider": world.provider.name, "step": step, "fault": fault.name, "numbers": fault.numbers, "means": fault.means,
            "caught": caught, "ended": _ended(cell, faulted), "others": [_said(run) for run in cell.other_runs],
            "reran": [_short(one) for one in reruns], "files_between": window, "broken": broken,
            "seconds": round(time.monotonic() - began, 1), "cpu": round(world.cpu() - spent, 1)}  # fmt: skip


def _watcher(world: World) -> Watcher:
    estate = world.estate()
    return Watcher(estate.address, estate.port, estate.name, anchors=estate.anchors, interval=LOOKS)


def _faulted(cell: Cell) -> Optional[Run]:
    """The run that the fault meets; None when it was killed."""
    world, fault = cell.world, cell.fault
    environment = {**cell.gate.tracing(), **cell.environment}
    if cell.held:
        environment.update(_armed(cell))
        world.stand(*{*cell.step.sabotage, *world.words})
    cell.process, cell.events = world.begin(environment)
    if cell.held:
        task = cell.step.write_task if fault.instead and cell.step.write else cell.step.task
        cell.caught = cell.gate.wait(lambda: cell.process.poll() is not None, lambda: not task or task in cell.events.read_text())
        if cell.caught:
            fault.strike(cell)
        cell.gate.go()
    output, _nothing = cell.process.communicate(timeout=400) if cell.killed != "SIGKILL" else ("", None)
    for other, events in cell.others:
        said, _nothing = other.communicate(timeout=400)
        cell.other_runs.append(_run(other.returncode, said, events))
    return None if cell.killed else _run(cell.process.returncode, output, cell.events)


def _armed(cell: Cell) -> Dict[str, str]:
    """The environment of the controller's process, when whoever comes to the step will be caught."""
    world, fault, step = cell.world, cell.fault, cell.step
    if step.call == HTTP:
        if not fault.ca:
            world.service.proxy.hold(step.path, cell.gate, fault.after, step.nth)
        return {}
    caught = cell.gate.environment(step, after=fault.after, error=fault.error, instead=fault.instead)
    if step.side == SERVER:
        world.on_server(caught)
        return {}
    return caught


def _run(code: int, output: str, events: Path) -> Run:
    entries = [json.loads(line) for line in events.read_text().splitlines()]
    stats = next((entry["stats"] for entry in reversed(entries) if "stats" in entry), {})
    return Run(code, output, stats, entries)


def _mend(cell: Cell) -> None:
    """The cause is away: what anybody does before he runs it again."""
    cell.world.on_server({})
    cell.world.mend()
    if cell.held and cell.step.sabotage:
        cell.world.stand()
    cell.fault.mend(cell)
    cell.world.campaign.write()


def _reruns(cell: Cell) -> List[Run]:
    """Run again as its message says, until it is green; more than RERUNS times is not convergence."""
    runs: List[Run] = []
    while len(runs) < RERUNS and not (runs and runs[-1].rc == 0):
        runs.append(cell.world.rotate(env=cell.gate.tracing()))
        cell.look(f"after rerun {len(runs)}")
    return runs


def _judge(cell: Cell, watcher: Watcher, faulted: Optional[Run], reruns: List[Run], again: Run) -> Broken:
    fault, estate = cell.fault, cell.world.estate()
    before, hit, end = cell.looks["before"], cell.looks["after the fault"], cell.looks["in the end"]
    known = [before.served, *(invariants.sha256(der) for _request, der in end.issued)]
    trace = cell.gate.trace.read_text().splitlines() if cell.gate.trace.exists() else []
    looks = {when: one for when, one in cell.looks.items() if not (fault.absent and when == "after the fault")}
    now = datetime.datetime.now(datetime.timezone.utc)
    broken = invariants.i1(estate, end, trace)
    broken += invariants.i2(looks, known, watcher.seen, [] if fault.absent else watcher.errors)
    broken += invariants.i3(estate, before.served, now)
    broken += invariants.i4(end) if not fault.tampered else []
    broken += invariants.i5(estate, end.served)
    broken += _tampering(cell) if fault.tampered else invariants.i6(before, hit)
    broken += invariants.i6(hit, end, fault.tampered)
    broken += _converged(cell, reruns, again)
    undone = fault.goes_back and not any(run.rc for run in cell.other_runs)
    if faulted is not None and not (undone and faulted.rc == 0):
        broken += green(faulted, cell.looks[BACK] if fault.absent else hit, before) if faulted.rc == 0 else told(faulted)["broken"]
    return broken + _others(cell)


def _others(cell: Cell) -> Broken:
    """A run beside the one that was held ended well or said why not, and all together issued no more than one would have."""
    broken: Broken = []
    for run in cell.other_runs:
        broken += [f"{problem} (the other run)" for problem in told(run)["broken"]]
    return broken + (invariants.once(cell.looks["before"], cell.looks["in the end"]) if cell.other_runs else [])


def _tampering(cell: Cell) -> Broken:
    """A changed line, and not only that something was changed, is named by certops.clm.ledger_info."""
    problems = [invariants.chain(data) for data in cell.looks["after the fault"].chains.values()]
    task = {"name": "look", "certops.clm.ledger_info": {"path": str(cell.world.place / "ledger")}}
    run = cell.world.ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    said = " ".join(str(run.result("look").get("msg", "")).split())
    wanted = [problem.partition(" ")[2].split(" ")[0] for problem in problems if problem]
    return [
        f"I6: line {number} was changed, ledger_info ends with {run.rc}: {said[:200]}" for number in wanted if f"line {number}" not in said
    ]


def _back(cell: Cell) -> Broken:
    """One command puts the previous version back, without the CA's key."""
    for key in (cell.world.place / "ca").glob("*.key"):
        key.unlink()
    run = cell.world.rollback()
    served, why = invariants.handshake(cell.world.estate())
    good = run.rc == 0 and served == cell.looks["before"].served
    return [] if good else [f"I3: rollback ended with {run.rc}, {served or why} is served: {told(run)['said']}"]


def _converged(cell: Cell, reruns: List[Run], again: Run) -> Broken:
    broken: Broken = []
    if cell.fault.defers:
        return _put_off(cell, [*reruns, again])
    if reruns[-1].rc:
        broken.append(f"I7: run {len(reruns)} times more, and still red: {told(reruns[-1])['said']}")
    if again.rc or again.changed():
        broken.append(f"I7: once more ended with {again.rc} and changed {again.changed()}")
    last = cell.looks[f"after rerun {len(reruns)}"]
    if last.issued != cell.looks["in the end"].issued:
        broken.append("I7: something was issued again when nothing was due")
    try:
        current = cell.world.current()
    except (OSError, ValueError) as error:
        current = f"unreadable: {error}"
    if cell.looks["in the end"].served != current or current == cell.looks["before"].served:
        broken.append(f"I7: in the end {cell.looks['in the end'].served} is served, current is {current}")
    return broken


def _put_off(cell: Cell, runs: List[Run]) -> Broken:
    """As long as the CA asked to be left alone, every run says so, and nothing changes."""
    hit, end = cell.looks["after the fault"], cell.looks["in the end"]
    broken = [f"I7: a run that is put off ended with {run.rc} and changed {run.changed()}: {told(run)['said']}" for run in runs
              if run.rc or run.changed()]  # fmt: skip
    return broken + (["I7: something was issued or served meanwhile"] if (hit.served, hit.issued) != (end.served, end.issued) else [])


def _ended(cell: Cell, run: Optional[Run]) -> Dict[str, Any]:
    return {"how": cell.killed, "said": ""} if run is None else _said(run)


def _said(run: Run) -> Dict[str, Any]:
    return {"how": f"exit {run.rc}", **{name: value for name, value in told(run).items() if name != "broken"}}


def _short(run: Run) -> Dict[str, Any]:
    return {"exit": run.rc, "changed": run.changed(), **({"said": told(run)["said"]} if run.rc else {})}
