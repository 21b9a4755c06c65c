# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders at a real Pebble: one task for all of them, beside certbot, which makes one after the other.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/benchmarks/orders.py [--orders 1000] [--certbot 20]
Writes tests/benchmarks/results/orders.json. Both sides ask the same Pebble by HTTP-01 from a responder of their own, keep P-256 keys and
certificates durably or as certbot does, and are measured per order. Pebble rejects 5 % of the nonces of both.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

from ansible_collections.certops.clm.plugins.module_utils.flows.certificates import issue_certificates
from ansible_collections.certops.clm.plugins.module_utils.issuers import acme
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import directory
from ansible_collections.certops.clm.tests.lab.pebble import HOME, Pebble, pebble
from ansible_collections.certops.clm.tools import environment

GOAL = 3.0  # times certbot's wall seconds per order
RESULT = pathlib.Path(__file__).parent / "results" / "orders.json"


def now() -> datetime:
    """The real clock."""
    return datetime.now(timezone.utc)


def ours(ca: Pebble, folder: pathlib.Path, count: int) -> dict[str, float]:
    """Wall and CPU seconds of one task with that many orders."""
    certificates = [{"lineage": f"bench-{number}", "names": [f"n{number}.lab.example"]} for number in range(count)]
    where = {"path": str(folder / "store"), "allow_ephemeral": True}
    kept = {"secret_store": {"type": "directory", **where}, "ledger": {"path": str(folder / "ledger"), "allow_ephemeral": True}}
    store, issuer = directory.create(where, now), acme.create(ca.issuer(), now)
    wall, cpu = time.monotonic(), time.process_time()
    made = issue_certificates(
        {"certificates": certificates, **kept}, issuer=issuer, store=store, clock=now, run_id="bench", check_mode=False
    )
    done = {"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu}
    bad = [outcome.message for outcome in made.values() if outcome.state != "done"]
    if bad:
        sys.exit(f"{len(bad)} of {count} orders failed: {bad[0]}")
    return done


def certbot(ca: Pebble, folder: pathlib.Path, count: int) -> dict[str, float]:
    """Wall and CPU seconds of that many calls of certbot, the account made before."""
    program = environment.CACHE / "venvs" / "certbot" / "bin" / "certbot"
    base = [str(program), "--server", ca.directory, "--non-interactive", "--agree-tos", "--config-dir", str(folder / "config")]
    base += ["--work-dir", str(folder / "work"), "--logs-dir", str(folder / "logs")]
    environ = {**os.environ, "REQUESTS_CA_BUNDLE": str(ca.ca_file)}

    def call(*argv: str) -> None:
        done = subprocess.run([*base, *argv], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            sys.exit(f"certbot failed: {done.stdout[-800:]}")

    call("register", "--register-unsafely-without-email")
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    for number in range(count):
        where = ["--http-01-address", HOME, "--http-01-port", str(ca.ports["http"])]
        call("certonly", "--standalone", *where, "--key-type", "ecdsa", "-d", f"c{number}.lab.example")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall": time.monotonic() - wall, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> None:
    """Measure both, in one run on one Pebble."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--certbot", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clm-acme-", dir="/var/tmp") as place, pebble(pathlib.Path(place) / "pebble") as ca:
        load = os.getloadavg()[0]
        theirs = certbot(ca, pathlib.Path(place) / "certbot", given.certbot)
        own = ours(ca, pathlib.Path(place) / "own", given.orders)
    each = {name: {kind: value / count for kind, value in found.items()} for name, found, count in (
        ("certops.clm", own, given.orders), ("certbot", theirs, given.certbot))}  # fmt: skip
    result = {
        "orders": given.orders, "certbot_orders": given.certbot, "goal": GOAL, "date": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "wall_seconds": round(own["wall"], 1), "load_before": round(load, 1), "python": platform.python_version(), "cores": os.cpu_count(),
        "seconds_per_order": {name: {kind: round(value, 4) for kind, value in found.items()} for name, found in each.items()},
        "times": {kind: round(each["certbot"][kind] / each["certops.clm"][kind], 1) for kind in ("wall", "cpu")},
    }  # fmt: skip
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
