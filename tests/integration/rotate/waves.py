# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation of eight deployments in waves of 1, 3 and 4, with the shipped role, plays and verdict, whose steps follow a script."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set

import yaml

from ansible_collections.certops.clm.tests.lab.playbook import Ansible, Run

FAKES = Path(__file__).with_name("fakes")
WAVES = (("d1",), ("d2", "d3", "d4"), ("d5", "d6", "d7", "d8"))
HOSTS = tuple(host for wave in WAVES for host in wave)
SERVERS = {"d1": "s1", "d2": "s2", "d3": "s3", "d4": "s3", "d5": "s4", "d6": "s4", "d7": "s5", "d8": "s6"}
VERDICT = "certops.clm.rotate : Verdict"
QUICK = {"rotate_soak": 0, "rotate_soak_canary": 0, "rotate_proof_timeout": 0}


def scripted_copy(installed: Path, where: Path) -> Path:
    """A collections path with the installed collection, its batch actions and its work on servers replaced by scripted ones."""
    shutil.copytree(installed / "ansible_collections", where / "ansible_collections", symlinks=True)
    plugins = where / "ansible_collections" / "certops" / "clm" / "plugins"
    shipped = plugins / "plugin_utils" / "shipped"
    shipped.mkdir()
    (shipped / "__init__.py").touch()
    for fake in FAKES.glob("*.py"):
        if fake.stem == "scripted":
            shutil.copy(fake, plugins / "plugin_utils" / "wave")
            continue
        if (plugins / "action" / fake.name).exists():  # else it is a module, which the fake's action goes before
            shutil.move(plugins / "action" / fake.name, shipped)
        shutil.copy(fake, plugins / "action")
    return where


@dataclass
class Case:
    """What is to happen: a script, extra variables, variables of hosts, a gate; and what must come of it.

    `red` are the hosts that must be red, `says` a text that their verdicts must hold; `waves` are the sizes, `canaries` the
    hosts of the play before.
    """

    script: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    red: Iterable[str] = ()
    says: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gate: Optional[Any] = None
    canaries: Sequence[str] = ()
    args: Sequence[str] = ()


@dataclass
class Rotation:
    """A rotation that has ended, with the log of the steps."""

    case: Case
    run: Run
    log: List[Dict[str, Any]]

    def ran(self, step: str) -> Set[str]:
        """The hosts that a step worked on."""
        return {host for entry in self.log if entry["step"] == step for host in entry["hosts"]}

    def verdict(self, host: str) -> str:
        """What the verdict of a host says."""
        return str(self.run.result(VERDICT, host)["msg"])

    def hold(self) -> None:
        """The table of ecosystem.md 5a, whatever the case."""
        red = set(self.case.red)
        reached = [host for wave in waves_until(red) for host in wave]
        self._recap(red, reached)
        touched = {host for entry in self.log for host in entry["hosts"]}
        assert touched == set(reached), f"the steps worked on {sorted(touched)}\n{self.run.output}"
        assert self.ran("record") == set(reached), f"the record step did not run for all\n{self.run.output}"
        after = bool(self.run.results("After the rotation"))
        assert (self.run.rc != 0, after) == (bool(red), not red), f"exit {self.run.rc}\n{self.run.output}"

    def _recap(self, red: Set[str], reached: Sequence[str]) -> None:
        stats = {host: row for host, row in self.run.stats.items() if host in HOSTS}
        assert sorted(stats) == sorted(reached), f"in the recap: {sorted(stats)}\n{self.run.output}"
        shown = {host for host, row in stats.items() if row["failures"] or row["unreachable"]}
        assert shown == red, f"red: {sorted(shown)}, must be {sorted(red)}\n{self.run.output}"
        for host in reached:
            assert stats[host]["failures"] == (host in red) and not stats[host]["unreachable"]
            said = self.verdict(host)  # exactly one verdict a host
            assert host not in red or self.case.says in said, f"{host}: {said}\n{self.run.output}"


def waves_until(red: Set[str]) -> List[Sequence[str]]:
    """The waves that run when these hosts become red."""
    first = next((number for number, wave in enumerate(WAVES) if red & set(wave)), len(WAVES) - 1)
    return list(WAVES[: first + 1])


def rotate(ansible: Ansible, case: Case) -> Rotation:
    """Run the case."""
    log = ansible.place / "log.jsonl"
    given = {**QUICK, **case.extra, **_gate(ansible.place, case.gate)}
    extra = {name: value for name, value in given.items() if value is not None}  # None: what the role says
    env = {"CLM_SCRIPT": json.dumps({**case.script, "servers": SERVERS}), "CLM_LOG": str(log), "ANSIBLE_FORKS": "4"}
    run = ansible.playbook(_plays(ansible, case), inventory=_inventory(ansible.place, case), extra=extra, args=case.args, env=env)
    lines = log.read_text().splitlines() if log.exists() else []
    return Rotation(case, run, [json.loads(line) for line in lines])


def _gate(place: Path, gate: Any) -> Dict[str, str]:
    if gate is None:
        return {}
    path = place / "gate.yml"
    path.write_text(gate if isinstance(gate, str) else json.dumps(gate))
    return {"rotate_gate_tasks": str(path)}


def _plays(ansible: Ansible, case: Case) -> List[Dict[str, Any]]:
    """The plays of the shipped playbook after its beginning, between what stands for the beginning and a play that comes after."""
    shipped = yaml.safe_load((ansible.collections / "ansible_collections/certops/clm/playbooks/rotate.yml").read_text())
    sizes = [len(wave) for wave in WAVES][1 if case.canaries else 0 :]
    facts = {"clm_run_id": "run-1", "clm_canary_sizes": [len(case.canaries) or 1], "clm_wave_sizes": sizes}
    return [
        {"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.set_fact": facts}]},
        *[play for play in shipped if "serial" in play],
        {"hosts": "localhost", "gather_facts": False, "tasks": [{"name": "After the rotation", "ansible.builtin.debug": {"msg": ""}}]},
    ]


def _inventory(place: Path, case: Case) -> Path:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    due = {host: {**local, "clm_server": server, "test_server": server} for host, server in SERVERS.items()}
    servers: Dict[str, Dict[str, Any]] = {server: dict(local) for server in SERVERS.values()}
    for name, more in case.hosts.items():
        (due if name in due else servers)[name].update(more)
    groups = {"clm_due": {"hosts": due}, "clm_servers": {"hosts": servers}, "clm_canary": {"hosts": {host: {} for host in case.canaries}}}
    path = place / "hosts.json"
    path.write_text(json.dumps({"all": {"children": groups, "vars": {"clm_manifest_file": "/manifest.yml"}}}))
    return path
