# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells side by side: each worker is a process with a World of its own, whose folders and addresses no other one has."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import time
import traceback
from typing import Any, Iterator, List, Optional, Sequence

from ansible_collections.certops.clm.tests.support import collection

from .cell import run_cell
from .faults import FAULTS
from .matrix import Place
from .providers import ROWS
from .records import Record, now
from .world import World

PATIENCE = 1200.0  # seconds without any result: then a worker hangs, and the run ends


def cells_of(places: Sequence[Place], worlds: int, commit: str, until: Optional[float]) -> Iterator[Record]:
    """A record of each cell that was begun before `until` (time.monotonic), as they come."""
    collection.installed()  # built once, and not by each of them
    context = multiprocessing.get_context("spawn")
    done: Any = context.Queue()
    rows = list(dict.fromkeys(place[0] for place in places))
    todo = {row: context.Queue() for row in rows}
    for place in places:
        todo[place[0]].put(place)
    workers = []
    for number in range(min(worlds, len(places))):  # each begins with another row: a World is of one
        first = number % len(rows)
        workers.append(context.Process(target=work, args=([todo[row] for row in rows[first:] + rows[:first]], done, commit, until)))
    for worker in workers:
        worker.start()
    try:
        yield from _results(done, workers)
        for worker in workers:
            worker.join(30)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
        for worker in workers:
            worker.join(60)


def _results(done: Any, workers: List[Any]) -> Iterator[Record]:
    ended, last = 0, time.monotonic()
    while ended < len(workers):
        try:
            record = done.get(timeout=5)
        except queue.Empty:
            if time.monotonic() - last > PATIENCE or not any(worker.is_alive() for worker in workers):
                return
            continue
        last = time.monotonic()
        if record is None:
            ended += 1
        else:
            yield record


def work(todo: List[Any], done: Any, commit: str, until: Optional[float]) -> None:
    """Cells until there are none, row by row, in one World for each row."""
    os.setsid()  # the kernel shares processors between sessions: a lab whose servers starve fails for want of time
    for number in (signal.SIGINT, signal.SIGTERM):  # the lab ends with us
        signal.signal(number, signal.default_int_handler)
    world: Optional[World] = None
    try:
        for place in _places(todo, until):
            if world is None or world.provider.name != place[0]:
                if world is not None:
                    world.stop()
                world = World(ROWS[place[0]])
                world.start()
            done.put({**guarded(world, place), "commit": commit, "date": now()})
    except KeyboardInterrupt:
        pass
    finally:
        if world is not None:
            world.stop()
        done.put(None)


def _places(todo: List[Any], until: Optional[float]) -> Iterator[Place]:
    for row in todo:
        while until is None or time.monotonic() < until:
            try:
                yield row.get(timeout=1.0)
            except queue.Empty:
                break


def guarded(world: World, place: Place) -> Record:
    """A cell of which the runner itself falls is broken too."""
    began = time.monotonic()
    provider, step, fault = place
    try:
        return run_cell(world, step, FAULTS[fault])
    except Exception as error:
        traceback.print_exc()
        why = f"the cell could not be run: {type(error).__name__}: {error}"
        return {"provider": provider, "step": step, "fault": fault, "broken": [why], "caught": True,
                "seconds": round(time.monotonic() - began, 1)}  # fmt: skip
