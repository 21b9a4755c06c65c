# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rotation of 1,000 deployments costs beyond its work: real servers, and bare playbooks with the same waves.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/benchmarks/rotation.py [--deployments 1000] [--servers 10]
All is measured in one run: CPU of ansible-playbook and all that it forks on this machine, but not of the servers, which are
children of sshd. Writes results/rotation.json.

`bare` is the measure, 1: the same hosts in the same waves, one trivial run_once task for each batch task of the role and one trivial
verdict for each host. It does none of a rotation's work, and no task on a server.
`cpu_ratio` is the whole rotation, from the parsing of its inventory to its last play: orchestration and work.
`overhead_ratio` is the same without the work that any tool must do, as a loop without Ansible does it in the same run: a key, a
request and a certificate for each deployment, key and chain durable on the disk, and two verified handshakes, before and after. What
is left is plan, templating, verdicts, records, ledger, report, inventory - and the modules' way to the servers, which the loop has not.
`floor_ratio` is Ansible's own share of that: plays of the rotation's shape, in which every task does nothing. They have the same hosts
that lead a server and the same others that leave a role, and a ping over SSH wherever the rotation ran a module on a server. The role
cannot get below it in this shape; what is above it is ours.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import ssl
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Tuple

from ansible_collections.certops.clm.plugins.module_utils import durable
from ansible_collections.certops.clm.tests.benchmarks import issue, rotation_bare, stamp
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.lab.lab import Lab
from ansible_collections.certops.clm.tests.lab.playbook import Ansible, Run
from ansible_collections.certops.clm.tests.lab.server import Site
from ansible_collections.certops.clm.tests.lab.small import Small
from ansible_collections.certops.clm.tests.support import collection

ROLE = "certops.clm.rotate : "
GOAL = 1.5
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


def work(lab: Lab, anchors: str, folder: Path) -> Dict[str, float]:
    """CPU seconds of what any tool must do for these deployments, each part of it in a loop of its own."""
    ends = [(lab.hosts[host].address, site.port, site.names[0]) for host, server in lab.servers.items() for site in server.sites]
    (folder / "kept").mkdir()
    parts = {
        "look": lambda: look([*ends, *ends], ssl.create_default_context(cadata=anchors)),  # before and after
        "keep": lambda: keep([folder / "kept" / str(number) for number in range(len(ends))]),
    }
    spent = {"issue": issue.bare(len(ends), folder)["cpu"]}
    for name, part in parts.items():
        start = time.process_time()
        part()
        spent[name] = time.process_time() - start
    return {name: round(seconds, 2) for name, seconds in spent.items()}


def look(ends: List[Tuple[str, int, str]], context: ssl.SSLContext) -> None:
    """A handshake with each end, which must serve its own name on a path to the anchors."""
    for address, port, name in ends:
        with socket.create_connection((address, port), 20) as raw, context.wrap_socket(raw, server_hostname=name) as connection:
            connection.getpeercert(True)


def keep(folders: List[Path]) -> None:
    """A key and a chain in each folder; on return all are durable."""
    for folder in folders:
        folder.mkdir()
        for name, size in (("key.pem", 241), ("chain.pem", 1340)):
            with open(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(bytes(size))
    durable.sync([str(folder / name) for folder in folders for name in ("key.pem", "chain.pem")], [str(folders[0].parent)])


def waves_of(run: Run) -> List[List[str]]:
    """The hosts of each wave, by the verdicts in their order; each wave begins with a plan."""
    waves: List[List[str]] = []
    for event in run.events:
        if event.get("task") == f"{ROLE}Plan the wave":
            waves.append([])
        elif event.get("task") == f"{ROLE}Verdict":
            waves[-1].append(event["host"])
    return waves


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
        if any(ran[task] != len(waves) for task in rotation_bare.BATCH):
            raise RuntimeError(f"a batch task did not run once in each of {len(waves)} waves: {dict(ran)}")
        bare, floor = trivial(campaign, waves, ours["run"])
        return result(ours, again, {"bare": bare, "floor": floor}, work(lab, campaign.root_pem, folder), waves, dict(ran))
    finally:
        lab.stop()


def trivial(campaign: Campaign, waves: List[List[str]], run: Run) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Both bare playbooks, measured: the measure, and the rotation's shape with tasks that do nothing."""
    place, servers = campaign.ansible.place, campaign.place / "hosts.json"
    (place / "bare.json").write_text(json.dumps(rotation_bare.inventory(waves)))
    met = {event["task"].removeprefix(ROLE) for event in run.events if event.get("status") == "ok"}
    rotation_bare.write_role(place / "roles" / "shape", met)
    bare = measured(lambda: campaign.ansible.playbook(rotation_bare.plays(waves), inventory=[place / "bare.json"]).ok())
    floor = measured(lambda: campaign.ansible.playbook(rotation_bare.shaped(waves), inventory=[servers, place / "bare.json"]).ok())
    return bare, floor


def result(
    ours: Dict[str, Any], again: Dict[str, Any], others: Dict[str, Any], needed: Dict[str, float], waves: Any, ran: Any
) -> Dict[str, Any]:
    """What is kept."""
    count, bare = sum(map(len, waves)), others["bare"]["cpu"]
    runs = {"rotation": ours, "nothing_due": again, **others}
    times = {name: {"cpu": one["cpu"], "wall": one["wall"]} for name, one in runs.items()}
    each = {name: round(1000 * one["cpu"] / count, 2) for name, one in times.items()}
    return {
        "deployments": count, "waves": [len(wave) for wave in waves], "batch_tasks": len(rotation_bare.BATCH), "results_by_task": ran,
        "memory_mib": ours["memory_mib"],
        "seconds": {**times, "work": needed}, "cpu_ms_each": {**each, "work": round(1000 * sum(needed.values()) / count, 2)},
        "cpu_ratio": round(ours["cpu"] / bare, 2), "goal": GOAL,
        "overhead_ratio": round((ours["cpu"] - sum(needed.values())) / bare, 2),
        "floor_ratio": round(others["floor"]["cpu"] / bare, 2),
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
