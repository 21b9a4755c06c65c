# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers race for the same lineages on one store, one ledger and one CA: does any lineage get two certificates?

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/races/racing.py [--runs 200] [--folder DIR]
Each run forks two processes that do what the module `certificate` does, for three new lineages and three that are forced again;
every second run promotes, as the module does by default, and the others leave the version beside, as waves do. In every tenth run
one of the two is killed with SIGKILL in the middle. Counted are the versions in the store and the entries in the CA's own log.
`make races` keeps what came of it in results.json, which README's table of races is made from.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

from ansible_collections.certops.clm.plugins.module_utils import ledger as ledgers
from ansible_collections.certops.clm.plugins.module_utils._edge_issue import issue_batch
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.issuers import local_ca
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import directory
from ansible_collections.certops.clm.tests.unit.issuers import make

LEASE, EACH = 2, 3
RESULTS = Path(__file__).with_name("results.json")


@dataclass
class Result:
    """What the runs came to: certificates wanted and made, lineages with too many or none, outcomes that failed, the race itself."""

    runs: int = 0
    wanted: int = 0
    issued: int = 0
    double: int = 0
    missing: int = 0
    failed: int = 0
    waited: int = 0
    killed: int = 0
    chains: int = 0
    seconds: float = 0.0


class Race:
    """One store, one ledger, one CA, and every run's lineages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make.local_ca(folder / "ca", utc_now())
        self.expected: Dict[str, int] = {}
        self.result = Result()

    def run(self, number: int, random_: random.Random) -> None:
        """Two processes at once; then the count."""
        fresh = [f"site-{number}-{one}" for one in range(EACH)]
        again = [f"site-{number - 1}-{one}" for one in range(EACH)] if number > 1 else []
        items = [self._item(name) for name in fresh] + [self._item(name, forced=f"run-{number}") for name in again]
        self.expected.update({name: self.expected.get(name, 0) + 1 for name in fresh + again})
        victim = number % 10 == 5
        started = [self._start(items, number % 2 == 0, order) for order in (1, -1)]
        for _child, _reader, go in started:
            os.write(go, b"!")
            os.close(go)
        if victim:
            time.sleep(random_.uniform(0.002, 0.05))
            os.kill(started[0][0], signal.SIGKILL)
        told = [self._end(child, reader) for child, reader, _go in started]
        self.result.runs += 1
        self.result.killed += victim
        self.result.waited += any(one.get("waited") for one in told)
        for one in told if not victim else told[1:]:
            self.result.failed += sum(state not in ("done", "unchanged") for state in one.get("states", ["no answer"]))

    def count(self) -> Result:
        """Versions and log entries against what was wanted."""
        store = directory.create(self._store, utc_now)
        for name, wanted in self.expected.items():
            made = len([one for one in store.versions(name) if one.sha256])
            self.result.double += max(0, made - wanted)
            self.result.missing += max(0, wanted - made)
        self.result.wanted = sum(self.expected.values())
        self.result.issued = (self.folder / "ca" / "issued.jsonl").read_bytes().count(b"\n")
        verified = ledgers.verify(str(self.folder / "ledger"))
        self.result.chains = len(verified.chains)
        if not verified.ok:
            raise SystemExit(f"the ledger is broken: {verified.chains}")
        return self.result

    @property
    def _store(self) -> Dict[str, Any]:
        return {"path": str(self.folder / "store"), "lease_seconds": LEASE, "allow_ephemeral": True}

    @staticmethod
    def _item(name: str, **more: Any) -> Dict[str, Any]:
        return {"id": name, "lineage": name, "names": [f"{name}.example.com"], **more}

    def _start(self, items: List[Dict[str, Any]], promote: bool, order: int) -> Tuple[int, int, int]:
        """A process that waits for the start; its number, where it tells its outcomes, and where it is told to go."""
        (reader, writer), (start, go) = os.pipe(), os.pipe()
        child = os.fork()
        if child:
            os.close(writer)
            os.close(start)
            return child, reader, go
        try:
            os.read(start, 1)
            os.write(writer, json.dumps(self._converge(items[::order], promote)).encode())
        finally:
            os._exit(0)

    def _converge(self, items: List[Dict[str, Any]], promote: bool) -> Dict[str, Any]:
        waited = []

        def pause(seconds: float, why: str) -> None:
            waited.append(why)
            time.sleep(min(seconds, 0.05))

        ledger = {"path": str(self.folder / "ledger"), "allow_ephemeral": True}
        params = {"certificates": items, "secret_store": {"type": "directory", **self._store}, "ledger": ledger, "promote": promote}
        options = {"path": str(self.folder / "ca"), "passphrase": make.PASSPHRASE}
        outcomes = issue_batch(params, lambda clock: local_ca.create(options, clock), False, pause)
        bad = [f"{outcome.step}: {outcome.message}" for outcome in outcomes.values() if outcome.state == "failed"]
        return {"states": [outcome.state for outcome in outcomes.values()], "waited": len(waited), "bad": bad}

    @staticmethod
    def _end(child: int, reader: int) -> Dict[str, Any]:
        with os.fdopen(reader) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        told: Dict[str, Any] = json.loads(text) if text else {}
        for one in told.get("bad", ()):
            print(one, file=sys.stderr)
        return told


def race(folder: Path, runs: int, seed: int = 1) -> Result:
    """So many runs, one after the other."""
    race_, random_, began = Race(folder), random.Random(seed), time.monotonic()
    for number in range(1, runs + 1):
        race_.run(number, random_)
    result = race_.count()
    result.seconds = round(time.monotonic() - began, 1)
    return result


def lease_path(folder: Path, count: int = 1000) -> Dict[str, float]:
    """CPU seconds for beginning, extending and ending the leases of so many lineages, new ones and such that are there."""
    store: Any = directory.create({"path": str(folder / "leases"), "allow_ephemeral": True}, utc_now)
    names = [f"site-{number}" for number in range(count)]
    found: Dict[str, float] = {}
    for word in ("begin new", "begin again"):
        began = time.process_time()
        taken = [store.begin(name, None) for name in names]
        found[word] = time.process_time() - began
        for act, do in (("extend", store.extend), ("end", store.end)):
            began = time.process_time()
            for lease in taken:
                do(lease)
            found[act] = time.process_time() - began
    return found


def keep(result: Result, leases: Dict[str, float], load: float) -> None:
    """What was measured, with the machine that it was measured on."""
    data = {
        **asdict(result),
        "lineages": 1000,
        "lease_cpu_ms": {word: round(seconds * 1000, 1) for word, seconds in leases.items()},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}",
        "load_before": round(load, 1),
        "date": utc_now().date().isoformat(),
    }
    RESULTS.write_text(json.dumps(data, indent=1) + "\n")


def main() -> None:
    """Race, count, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--keep", action="store_true", help="write results.json")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        result = race(Path(place), given.runs)
        print(result)
        leases = lease_path(Path(place))
        print(", ".join(f"{word} {seconds * 1000:.1f} ms" for word, seconds in leases.items()), "of CPU for 1,000 lineages")
    if given.keep:
        keep(result, leases, load)
    sys.exit(1 if result.double or result.missing or result.failed or result.issued != result.wanted else 0)


if __name__ == "__main__":
    main()
