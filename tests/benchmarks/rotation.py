# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rotation of 1,000 deployments costs beyond its work: real servers, and a bare playbook with the same waves and batch tasks.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/benchmarks/rotation.py [--deployments 1000] [--servers 10]
The bare playbook has the same hosts, the same waves, one trivial run_once task for each batch task of the role and one verdict
for each host. Both are measured in one run: CPU of ansible-playbook and all that it forks on this machine, but not of the
servers, which are children of sshd. Writes results/rotation.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.certops.clm.tests.benchmarks import stamp
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.lab.lab import Lab
from ansible_collections.certops.clm.tests.lab.playbook import Ansible, Run
from ansible_collections.certops.clm.tests.lab.server import Site
from ansible_collections.certops.clm.tests.lab.small import Small
from ansible_collections.certops.clm.tests.support import collection

ROLE = "certops.clm.rotate : "
GOAL = 1.5
BATCH = (
    "Plan the wave", "Issue", "Deploy to clouds", "Prove what is served", "Judge what only the servers can see", "Ask the gates",
    "Settle what stays and what goes back", "Record and report",
)  # fmt: skip
# Nothing is waited for: what is measured is work.
SETTINGS = {"rotate_soak": 0, "rotate_soak_canary": 0, "rotate_proof_interval": 0.01, "rotate_proof_timeout": 120}


def estate(servers: int, deployments: int) -> Dict[str, Any]:
    """A layout of small TLS servers, each with its share of the sites."""
    each = deployments // servers
    return {
        f"app{server}": (Small, tuple(Site(f"l{server}x{number}", (f"l{server}x{number}.lab.example",)) for number in range(each)))
        for server in range(servers)
    }


def measured(run: Any) -> Dict[str, Any]:
    """The run, with wall and CPU seconds of its process tree on the controller."""
    wall, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done: Run = run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"run": done, "wall": round(time.monotonic() - wall, 2), "cpu": round(cpu, 2), "memory_mib": round(after.ru_maxrss / 1024)}


def waves_of(run: Run) -> List[List[str]]:
    """The hosts of each wave, by the verdicts in their order; each wave begins with a plan."""
    waves: List[List[str]] = []
    for event in run.events:
        if event.get("task") == f"{ROLE}Plan the wave":
            waves.append([])
        elif event.get("task") == f"{ROLE}Verdict":
            waves[-1].append(event["host"])
    return waves


def bare_play(waves: List[List[str]], batch: List[str]) -> List[Dict[str, Any]]:
    """The same waves with trivial tasks."""
    trivial = {"ansible.builtin.debug": {"msg": "nothing"}}
    tasks = [{"name": name, **trivial, "run_once": True} for name in batch]
    verdict = {"name": "Verdict", **trivial}
    return [{"hosts": "bare", "gather_facts": False, "serial": [len(wave) for wave in waves], "tasks": [*tasks, verdict]}]


def benchmark(servers: int, deployments: int, folder: Path) -> Dict[str, Any]:
    """Both rotations, the one after which nothing is due, and what they ran."""
    lab = Lab(estate(servers, deployments)).start()
    try:
        ansible = Ansible("2.19", collection.installed()[0], Path(tempfile.mkdtemp(prefix="clm-", dir=folder)))
        lineages = [site.name for server in lab.reset().servers.values() for site in server.sites]
        campaign = Campaign(lab, ansible, folder, lineages)
        ours = measured(lambda: campaign.run(timeout=3600, **SETTINGS).ok())
        again = measured(lambda: campaign.run(timeout=3600, **SETTINGS).ok())
        for server in list(lab.servers)[:3]:
            site = lab.site(server)
            assert lab.served(server, verify=False) == campaign.current(site.name)
        waves = waves_of(ours["run"])
        assert sum(map(len, waves)) == len(lineages) and again["run"].changed() == 0
        ran = Counter(event["task"].removeprefix(ROLE) for event in ours["run"].events if str(event.get("task")).startswith(ROLE))
        batch = [task for task in BATCH if ran[task] == len(waves)]
        if len(batch) != len(BATCH):
            raise RuntimeError(f"a batch task did not run once in each of {len(waves)} waves: {dict(ran)}")
        hosts = {"bare": {"hosts": {host: {"ansible_connection": "local"} for wave in waves for host in wave}}}
        (folder / "bare.json").write_text(json.dumps({"all": {"children": hosts}}))
        bare = measured(lambda: ansible.playbook(bare_play(waves, batch), inventory=[folder / "bare.json"]).ok())
        return result(ours, again, bare, waves, batch, dict(ran))
    finally:
        lab.stop()


def result(ours: Dict[str, Any], again: Dict[str, Any], bare: Dict[str, Any], waves: Any, batch: Any, ran: Any) -> Dict[str, Any]:
    """What is kept."""
    count = sum(map(len, waves))
    times = {name: {"cpu": one["cpu"], "wall": one["wall"]} for name, one in (("rotation", ours), ("nothing_due", again), ("bare", bare))}
    each = {name: round(1000 * one["cpu"] / count, 2) for name, one in times.items()}
    return {
        "deployments": count, "waves": [len(wave) for wave in waves], "batch_tasks": len(batch), "results_by_task": ran,
        "memory_mib": ours["memory_mib"],
        "seconds": times, "cpu_ms_each": each, "cpu_ratio": round(ours["cpu"] / bare["cpu"], 2), "goal": GOAL,
    }  # fmt: skip


def main() -> None:
    """Print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--deployments", type=int, default=1000)
    parser.add_argument("--servers", type=int, default=10)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clm-bench-", dir="/var/tmp"))
    try:
        found = benchmark(options.servers, options.deployments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    stamp.write("rotation", found)


if __name__ == "__main__":
    main()
