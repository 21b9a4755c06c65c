# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of many deployments, against a static inventory that says the same.

    .venv/bin/python tests/benchmarks/inventory.py [deployments] [bin folder of a core]

Writes results/inventory.json, on another core than that of .venv results/inventory_<core>.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "dev"))

import yaml

from ansible_collections.certops.clm.tests.benchmarks import stamp
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import World

SERVERS = 200
GOAL = 1.5


def build(folder: Path, count: int) -> Path:
    """An estate in which every tenth deployment serves something else than it should; returns the inventory's folder."""
    lineages = {
        f"app{number}": {
            "names": [f"app{number}.example.com"], "service": f"service{number % 300}",
            "deployments": [deployment(f"web{number % SERVERS}", certificate_file=f"/t/{number}.pem", key_file=f"/t/{number}.key")],
        }
        for number in range(count)
    }  # fmt: skip
    world = World(folder, data(**lineages))
    old = world.authority.chain("old.example.com")
    for number in range(count):
        name = f"app{number}"
        chain = world.authority.chain(f"{name}.example.com")
        world.version(name, chain)
        world.serve(f"web{number % SERVERS}.example.com|8443|{name}.example.com|none", old if number % 10 == 0 else chain)
    world.save()
    place = folder / "inventory"
    place.mkdir()
    (place / "a.yml").write_text(yaml.safe_dump({"all": {"hosts": {f"web{number}": {} for number in range(SERVERS)}}}))
    (place / "b.clm.yml").write_text("plugin: certops.clm.certificates\nmanifest: ../manifest.yml\n")
    return place


def timed(core: Path, inventory: Path, tries: int) -> Any:
    """CPU seconds of the cheapest of some readings (the machine may be busy), the most memory in MiB, and the inventory as JSON."""
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "dev")}
    argv = [core / "ansible-inventory", "-i", inventory, "--list", "--export"]
    readings = []
    with tempfile.TemporaryFile() as output:
        for _try in range(tries):
            output.seek(0)  # the child writes where this stands, and moves it
            output.truncate()
            process = subprocess.Popen(argv, env=env, stdout=output, stderr=subprocess.DEVNULL)
            _pid, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                sys.exit(f"ansible-inventory -i {inventory} ended with {process.returncode}")
            readings.append((used.ru_utime + used.ru_stime, round(used.ru_maxrss / 1024)))
        output.seek(0)
        return (*min(readings), json.load(output))


def plain(value: Any) -> Any:
    """The data without Ansible's marks."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def static(dumped: Any) -> Any:
    """The same inventory as the data of a static inventory file."""
    hosts = plain(dumped["_meta"]["hostvars"])
    groups = {name: {"hosts": {host: {} for host in group["hosts"]}} for name, group in dumped.items() if group.get("hosts")}
    return {"all": {"hosts": hosts, "children": groups, "vars": plain(dumped["all"].get("vars", {}))}}


def core_of(core: Path) -> str:
    """The version of ansible-core in that folder, such as 2.19.14."""
    said = subprocess.run([core / "ansible", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return said.partition("core ")[2].partition("]")[0]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    core = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / ".venv" / "bin"
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        inventory = build(Path(folder), count)
        print(f"built in {time.monotonic() - start:.1f} s")
        tries = 3 if count <= 20_000 else 1  # a long reading is long enough
        ours, memory, dumped = timed(core, inventory, tries)
        same = Path(folder) / "static.json"
        same.write_text(json.dumps(static(dumped)))  # JSON: the faster of the two forms
        theirs, its_memory, again = timed(core, same, tries)
        if set(again["_meta"]["hostvars"]) != set(dumped["_meta"]["hostvars"]):
            sys.exit("the two inventories do not have the same hosts")
        result = {
            "core": core_of(core), "deployments": count, "cpu_seconds": {"certificates": round(ours, 2), "static": round(theirs, 2)},
            "memory_mib": {"certificates": memory, "static": its_memory}, "cpu_ratio": round(ours / theirs, 2), "goal": GOAL,
        }  # fmt: skip
        usual = core == ROOT / ".venv" / "bin"
        stamp.write("inventory" if usual else f"inventory_{'_'.join(result['core'].split('.')[:2])}", result)


if __name__ == "__main__":
    main()
