# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rotation benchmark measures against: its waves with tasks that do nothing, as a plain row and in the shape of the role."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Collection, Dict, List

BATCH = (
    "Plan the wave", "Issue", "Deploy to clouds", "Prove what is served", "Judge what only the servers can see", "Ask the gates",
    "Settle what stays and what goes back", "Record and report",
)  # fmt: skip
BY_LEADS = (
    "Make keys and requests on the servers that keep their own keys", "Prove names by web servers",
    "Deploy to servers, one run for each server by its lead", "Look from servers at what the controller cannot reach",
    "Run the gate's own tasks", "Put back on servers what was not proven", "Commit on servers what was proven",
)  # fmt: skip
NOTHING = {"ansible.builtin.debug": {"msg": "nothing"}}
Waves = List[List[str]]
Tasks = List[Dict[str, Any]]


def inventory(waves: Waves) -> Dict[str, Any]:
    """The hosts of the waves, each with its server, which is in the middle of the name that the collection's inventory gave it."""
    hosts = {host: {"ansible_connection": "local", "clm_server": host.split("-")[1]} for wave in waves for host in wave}
    return {"all": {"children": {"bare": {"hosts": hosts}}}}


def plays(waves: Waves) -> Tasks:
    """The measure: each batch task once in a wave, and a verdict for each host."""
    return [_waves(waves, [*_batch(BATCH), {"name": "Verdict", **NOTHING}])]


def shaped(waves: Waves) -> Tasks:
    """The rotation's plays: a module on each server, then the role in its waves. The first host of a server in a wave leads it."""
    leads = [host for wave in waves for host in {host.split("-")[1]: host for host in reversed(wave)}.values()]
    find = {"hosts": "all:!bare", "gather_facts": False, "tasks": [{"name": "Find", "ansible.builtin.ping": {}}]}
    return [find, {**_waves(waves, [{"name": "One wave", "ansible.builtin.import_role": {"name": "shape"}}]), "vars": {"leads": leads}}]


def write_role(folder: Path, worked: Collection[str]) -> None:
    """The role of `shaped`: where `worked` has a task of leads it goes to their servers, else it is skipped as it was."""
    ping: Dict[str, Any] = {"ansible.builtin.ping": {}, "delegate_to": "{{ clm_server }}"}
    skipped = {**NOTHING, "when": "inventory_hostname not in leads"}
    leave = {"name": "Leave", "ansible.builtin.meta": "end_role", "when": "inventory_hostname not in leads"}
    work = {"name": "Work", "ansible.builtin.import_role": {"name": "shape", "tasks_from": "leads.yml"}}
    files: Dict[str, Tasks] = {
        "main.yml": [*_batch(BATCH[:1]), work, {"name": "Verdict", **NOTHING}],
        "leads.yml": [leave, *_batch(BATCH[1:]), *({"name": name, **(ping if name in worked else skipped)} for name in BY_LEADS)],
    }
    (folder / "tasks").mkdir(parents=True)
    for name, tasks in files.items():
        (folder / "tasks" / name).write_text(json.dumps(tasks, indent=1))


def _waves(waves: Waves, tasks: Tasks) -> Dict[str, Any]:
    return {"hosts": "bare", "gather_facts": False, "serial": [len(wave) for wave in waves], "tasks": tasks}


def _batch(names: Collection[str]) -> Tasks:
    return [{"name": name, **NOTHING, "run_once": True} for name in names]
