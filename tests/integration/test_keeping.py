# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret store, ledger and lookup through ansible-playbook: kept, listed, brought back, verified; never a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger, verify
from ansible_collections.certops.clm.tests.support.world import KEY_PEM, NOW, World

CONTROLLER = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
EVIL = "{{ lookup('pipe', 'echo pwned > /tmp/clm-pwned-keeping') }}.example"


@pytest.fixture
def world(tmp_path):
    """Versions 1 and 2 of `shop`, and a ledger of two events."""
    made = World(tmp_path)
    made.ids = [made.version("shop", made.authority.chain("shop.example", EVIL, age=age)) for age in (30, 1)]
    made.store.flush()
    made.places = {
        "secret_store": {"type": "directory", "path": str(tmp_path / "store"), "allow_ephemeral": True},
        "ledger": {"path": str(tmp_path / "ledger"), "allow_ephemeral": True},
    }
    with Ledger(str(tmp_path / "ledger"), "w1", lambda: NOW) as ledger:
        ledger.append([{"action": "campaign", "run_id": "r0"}, {"action": "intent", "request_id": "shop/1", "run_id": "r0"}])
    return made


def task(module, arguments):
    play = {"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER}
    return [{**play, "tasks": [{"name": "act", f"certops.clm.{module}": arguments}]}]


@pytest.mark.every_core
def test_the_previous_version_comes_back_with_one_command(ansible, world):
    arguments = {"lineages": [{"lineage": "shop"}], **world.places}
    planned = ansible.playbook(task("lineage_version", arguments), args=["--check", "--diff"]).ok()
    assert planned.result("act")["outcomes"]["shop"]["state"] == "planned" and world.store.current("shop") == world.ids[1]
    assert planned.result("act")["diff"]["after"]["shop"]["version"] == world.ids[0] and planned.changed() == 1
    done = ansible.playbook(task("lineage_version", arguments), args=["-vvvvv", "--diff"], env={"ANSIBLE_DEBUG": "1"}).ok()
    assert done.result("act")["outcomes"]["shop"]["state"] == "done" and done.changed() == 1
    again = ansible.playbook(task("lineage_version", arguments)).ok()
    assert again.changed() == 0 and world.store.current("shop") == world.ids[0]
    assert verify(arguments["ledger"]["path"]).events == 4 and KEY_PEM.decode()[40:80] not in done.output


@pytest.mark.every_core
def test_what_is_refused_fails_the_task_and_loses_no_neighbour(ansible, world):
    lineages = [{"lineage": "none"}, {"id": "mine", "lineage": "shop"}]
    run = ansible.playbook(task("lineage_version", {"lineages": lineages, **world.places}))
    assert run.rc == 2 and {item: one["state"] for item, one in run.result("act")["outcomes"].items()} == {"none": "failed", "mine": "done"}
    assert "none" in run.result("act")["msg"]


@pytest.mark.every_core
def test_the_store_is_listed_without_keys(ansible, world):
    arguments = {"secret_store": world.places["secret_store"]}
    run = ansible.playbook(task("secret_store_info", arguments), args=["-vvvvv"], env={"ANSIBLE_KEEP_REMOTE_FILES": "1"}).ok()
    shop = run.result("act")["lineages"]["shop"]
    assert shop["current"] == world.ids[1] and [one["version"] for one in shop["versions"]] == world.ids and run.changed() == 0
    assert KEY_PEM.decode()[40:80] not in run.output
    wrong = ansible.playbook(task("secret_store_info", {"secret_store": {"type": "nowhere"}}))
    assert wrong.rc == 2 and "secret_store.type" in wrong.result("act")["msg"]


@pytest.mark.every_core
def test_a_ledger_is_verified_and_a_broken_one_fails(ansible, world, tmp_path):
    run = ansible.playbook(task("ledger_info", {"path": str(tmp_path / "ledger")}), args=["--check"]).ok()
    found = run.result("act")
    assert found["state"] == "unanchored" and found["events"] == 2 and found["open_intents_count"] == 1 and run.changed() == 0
    path = tmp_path / "ledger" / "w1.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"r0"', b'"r1"', 1))
    broken = ansible.playbook(task("ledger_info", {"path": str(tmp_path / "ledger")}))
    assert broken.rc == 2 and "w1 line 2" in broken.result("act")["msg"] and broken.result("act")["chains"][0]["first_bad_line"] == 2
    told = ansible.playbook(task("ledger_info", {"path": str(tmp_path / "ledger"), "fail_when_broken": False})).ok()
    assert told.result("act")["state"] == "broken"


@pytest.mark.every_core
def test_the_lookup_gives_the_chain_and_templates_nothing(ansible, world):
    chain = world.store.load("shop").chain_pem
    lookup = "lookup('certops.clm.certificate', 'shop', secret_store=place"
    tasks = [
        {"name": "set", "ansible.builtin.set_fact": {"found": "{{ " + lookup + ", want='facts') }}"}},
        {"name": "chain", "ansible.builtin.debug": {"msg": "{{ " + lookup + ") }}"}},
        {"name": "older", "ansible.builtin.debug": {"msg": "{{ " + lookup + ", version='" + world.ids[0] + "', want='leaf') }}"}},
        {"name": "parts", "ansible.builtin.debug": {"msg": "{{ " + lookup + ", want='leaf') ~ " + lookup + ", want='intermediates') }}"}},
        {"name": "names", "ansible.builtin.debug": {"msg": "{{ found.names }}"}},
        {"name": "none", "ansible.builtin.debug": {"msg": "{{ lookup('certops.clm.certificate', 'other', secret_store=place) }}"}},
    ]
    variables = {**CONTROLLER, "place": world.places["secret_store"]}
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}], args=["-vvvvv"])
    assert run.rc == 2 and "other has no current version" in json.dumps(run.result("none"))
    assert run.result("chain")["msg"] == chain == run.result("parts")["msg"]
    assert run.result("older")["msg"] != run.result("chain")["msg"][: len(run.result("older")["msg"])]
    assert EVIL in run.result("names")["msg"] and not Path("/tmp/clm-pwned-keeping").exists()
    assert KEY_PEM.decode()[40:80] not in run.output
