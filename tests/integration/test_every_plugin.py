# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks, roles, inventory, lookups, filters and tests under all that makes Ansible talk: no secret is where it does not belong.

The table is every_plugin.yml; what has no row there fails here. Modules and actions have every_module.yml.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from ansible_collections.certops.clm.tests.integration.leak_modes import FAILED, HOW, NONE, OTHER, RESULTS, SEARCHED, Modes, kept_or_like
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.support.leaks import IN_A_SITE, Place, look, needles_of, on_a_host
from ansible_collections.certops.clm.tests.support.needles import Needles
from ansible_collections.certops.clm.tests.support.world import World

ROOT = Path(__file__).parents[2]
ROWS: List[Dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("every_plugin.yml").read_text())
NO_PLUGINS = ("modules", "module_utils", "plugin_utils", "doc_fragments", "action")  # an action without a module file is refused below
EXPRESSIONS = ("filter", "lookup", "test")
BACKUP = b"a long passphrase of a backup"


def is_there() -> Set[Tuple[str, str]]:
    """Kind and name of all that the collection has beside modules and what they share."""
    kinds = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()} - {*NO_PLUGINS, "__pycache__"}
    found = {(kind, path.stem) for kind in kinds for path in (ROOT / "plugins" / kind).rglob("*.py") if path.stem != "__init__"}
    found |= {("role", path.name) for path in (ROOT / "roles").iterdir() if path.is_dir()}
    return found | {("playbook", path.stem) for path in (ROOT / "playbooks").glob("*.y*ml")}


def keyed(row: Dict[str, Any]) -> Tuple[str, str]:
    """Kind and name of a row."""
    kind = next(iter(row))
    return kind, row[kind]


def test_every_plugin_has_a_row():
    missing, gone = is_there() - set(map(keyed, ROWS)), set(map(keyed, ROWS)) - is_there()
    assert not missing, f"add a row for {sorted(missing)} to tests/integration/every_plugin.yml: its head says how"
    assert not gone, f"take the row of {sorted(gone)} out of tests/integration/every_plugin.yml"
    actions = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")}
    assert actions <= {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}, "an action has a module file that documents it"


def test_the_table_of_leaks_has_every_module_and_plugin():
    kept = json.loads(RESULTS.read_text())
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    names = {" ".join(one) for one in is_there()}
    other = sorted((modules ^ set(kept["modules"])) | (names ^ set(kept["plugins"])))
    assert not other, f"{other} are not in {RESULTS.name}, or gone: run CLM_RECORD=1 {HOW}, and make index"


class Estate:
    """One server with one deployment and a standby of a second CA; every secret that ever was is looked for at the end."""

    def __init__(self, lab: Any, ansible: Any, place: Path) -> None:
        self.lab, self.ansible, self.place = lab, ansible, place
        self.campaign = Campaign(lab, ansible, place, ["api"])
        self.campaign.manifest["issuers"]["second"] = {"type": "local_ca", "path": "second", "passphrase_file": "passphrase"}
        self.campaign.manifest["lineages"]["api"]["standby"] = "second"
        self.campaign.manifest["client_classes"]["internal"] = {"anchors": "both.pem"}
        self.campaign.manifest["lineages"]["ended"] = {"names": ["ended.lab.example"], "deployments": []}
        self.campaign.write()
        world = World(place)
        world.version("ended", world.authority.chain("ended.lab.example", age=9))
        world.store.flush()
        root = world.authority.root.public_bytes(serialization.Encoding.PEM).decode()
        task = {"name": "ca", "certops.clm.local_ca": {"path": str(place / "second"), "passphrase_file": str(place / "passphrase")}}
        ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]).ok()
        (place / "both.pem").write_text(self.campaign.root_pem + (place / "second" / "root.pem").read_text() + root)
        self._write("backup.passphrase", BACKUP)
        self.secrets = {"the CA's passphrase": b"a passphrase for tests", "the backup's passphrase": BACKUP, "the wrong passphrase": OTHER}
        self.output, self.needles = b"", Needles()
        self.modes = Modes(self, [])

    def _write(self, name: str, secret: bytes) -> None:
        with os.fdopen(os.open(self.ansible.place / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
            stream.write(secret + b"\n")

    def run(self, what: Any, *args: str, debug: bool = True, **extra: Any) -> Any:
        """One ansible-playbook over one playbook, or several (each by its name), as loud as it can be."""
        last, before = (what[-1], what[:-1]) if isinstance(what, tuple) else (what, ())
        given = {
            "clm_manifest_file": str(self.place / "manifest.yml"),
            "clm_backup": str(self.place / "controller.clm"),
            "clm_backup_passphrase_file": str(self.ansible.place / "backup.passphrase"),
            "clm_impact_issuer": "internal",
            **self.campaign.settings(**extra),
        }
        env = self.modes.loud() if debug else {**self.modes.loud(), "ANSIBLE_DEBUG": "0"}
        args = ("-vvvvv", "--diff", *args, *before)
        run = self.ansible.playbook(last, inventory=self.campaign.inventories, args=args, env=env, extra=given, timeout=900)
        self.output += run.output.encode()
        needles_of([self.place, self.lab.hosts["app1"].root], self.secrets, self.needles)
        return run

    def listed(self) -> None:
        """What ansible-inventory shows."""
        inventories = [part for path in self.campaign.inventories for part in ("-i", str(path))]
        argv = [str(self.ansible.bin / "ansible-inventory"), *inventories, "--list", "--export", "-vvvvv"]
        done = subprocess.run(argv, env=self.ansible.environment(), cwd=self.ansible.place, capture_output=True, check=True)
        self.output += done.stdout + done.stderr
        assert b"clm_deployments" in done.stdout or b"clm_managed" in done.stdout

    def leaks(self) -> Set[str]:
        """Where a secret is that does not belong there."""
        host = on_a_host(self.lab.servers["app1"])
        places = [Place("site", self.place, IN_A_SITE), Place("ansible", self.ansible.place, ("backup.passphrase",)), host]
        seen = look(self.needles, places, {"output": self.output, "syslog": self.modes.heard()})
        assert len(seen.holders) > 8 and "server_deployment" in seen.modules
        assert not list((host.root / "var/lib/certops-clm/staged").iterdir())
        return seen.leaks

    def expressions(self) -> Iterator[Dict[str, Any]]:
        """A task for each good and each bad expression."""
        for row in ROWS:
            kind, name = keyed(row)
            for how in ("good", "bad") if kind in EXPRESSIONS else ():
                yield {"name": f"{kind} {name} {how}", "ansible.builtin.debug": {"msg": row[how]}, "ignore_errors": True}


def playbooks(run: str) -> Tuple[str, ...]:
    """The playbooks of that run."""
    return tuple(f"certops.clm.{row['playbook']}" for row in ROWS if row.get("run") == run and row["playbook"] != "begin")


def use(estate: Estate) -> None:
    """Every expression: the good ones have a value, the bad ones fail and nobody is shown what they were given."""
    current = estate.place / "store" / "lineages" / "api" / "current"
    files = {"chain_file": str(current / "chain.pem"), "key_file": str(current / "key.pem"), "root_file": str(estate.place / "both.pem")}
    store = {"type": "directory", "allow_ephemeral": True, "path": str(estate.place / "store")}
    tasks = list(estate.expressions())
    run = estate.run([{"hosts": "localhost", "gather_facts": False, "vars": {**files, "store": store}, "tasks": tasks}])
    ended = {event["task"]: event["status"] for event in run.events if "task" in event}
    odd = {task["name"] for task in tasks if ended.get(task["name"]) != ("ok" if task["name"].endswith("good") else "failed")}
    assert not odd, (odd, run.output[-4000:])


def problems(runs: List[Any]) -> List[str]:
    """Every task that failed, with what it said."""
    found = [f"run {number}: exit {run.rc}" for number, run in enumerate(runs) if run.rc]
    for number, run in enumerate(runs):
        bad = [event for event in run.events if event.get("status") in ("failed", "unreachable")]
        found += [f"run {number}, {event['task']}: {event['result'].get('msg')}" for event in bad]
    return found


def test_no_secret_is_anywhere_but_where_it_belongs(lab, ansible, tmp_path):
    estate = Estate(lab, ansible, tmp_path)
    looking = playbooks("looking")
    done = [estate.run(looking), estate.run(looking, "--check", debug=False)]
    use(estate)
    estate.listed()
    done.append(estate.run(playbooks("going back"), debug=False, clm_lineage="api"))
    done.append(estate.run(playbooks("ending"), debug=False, clm_lineage="ended"))
    assert not problems(done), problems(done)
    estate.campaign.force("once more")
    (tmp_path / "passphrase").write_bytes(OTHER)
    wrong = estate.run(("certops.clm.rotate", "certops.clm.backup"), debug=False)
    (tmp_path / "passphrase").write_bytes(estate.secrets["the CA's passphrase"])
    lab.hosts["app1"].cut_hand_over()
    cut = estate.run("certops.clm.rotate", debug=False)
    lab.hosts["app1"].mend()
    assert wrong.rc and cut.rc and "hand_over" in cut.output, cut.output[-3000:]
    leaks = estate.leaks()
    assert not leaks, sorted(leaks)
    kept_or_like({" ".join(keyed(row)): cells(*keyed(row), row) for row in ROWS}, "plugins")


def cells(kind: str, name: str, row: Dict[str, Any]) -> Dict[str, str]:
    """What was done to it above."""
    loud = SEARCHED if kind in EXPRESSIONS or row.get("run", "looking") == "looking" else NONE
    check = SEARCHED if kind not in EXPRESSIONS and row.get("run", "looking") == "looking" else NONE
    failing = FAILED if kind in EXPRESSIONS or name == "rotate" else NONE
    return {"-vvvvv --diff": SEARCHED, "ANSIBLE_DEBUG": loud, "--check": check, "failing with a key in hand": failing}


@pytest.mark.parametrize("kind", ["filter", "lookup", "test", "inventory", "playbook", "role"])
def test_the_search_for_plugins_sees_each_kind(kind):
    assert any(one == kind for one, _name in is_there())
