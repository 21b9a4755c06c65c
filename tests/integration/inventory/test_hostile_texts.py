# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every hostile text, in every place where somebody else writes, through ansible-inventory and ansible-playbook of every core."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.tests.hostile.test_inventory import pem_of, says
from ansible_collections.certops.clm.tests.hostile.test_texts import HIDDEN
from ansible_collections.certops.clm.tests.hostile.texts import HOSTILE
from ansible_collections.certops.clm.tests.support.world import World

pytestmark = pytest.mark.every_core
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
WORD = re.compile(r"\w+\Z")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
OURS = re.compile(r"clm_|ansible_connection\Z|ansible_python_interpreter\Z")
EVERY = "groups['clm_unmanaged'] | map('extract', hostvars)"
READ = [
    f"{{{{ {EVERY} | map(attribute='{name}') | list }}}}" for name in ("clm_names", "clm_issuer", "clm_where", "clm_detail", "clm_server")
]
# One host reads the variables of all of them: on ansible-core < 2.19 that is where they would be templated.
TASKS = [
    {"name": "use", "ansible.builtin.debug": {"msg": READ}},
    {"name": "keep", "ansible.builtin.set_fact": {"kept": READ}},
    {"name": "again", "ansible.builtin.debug": {"msg": "{{ kept }} {{ kept | to_json }} {{ clm_blind }}"}},
]
FACTS = "want='facts', secret_store=store"
OWN = [
    {
        "name": "own",
        "ansible.builtin.debug": {"msg": "{{ clm_names }} {{ clm_where }} {{ hostvars[inventory_hostname] | string | length }}"},
    }
]


@pytest.fixture
def marks():
    """A folder in which every template that is run leaves a file."""
    place = Path(tempfile.mkdtemp(prefix="clm-", dir="/tmp"))
    yield place
    shutil.rmtree(place)


def inventory(folder, marks):
    """An estate with one hostile server for each text; the folder of its inventory."""
    world = World(folder)
    for number, text in enumerate(HOSTILE.values(), 1):
        text = text.replace("/tmp/clm-hostile", f"{marks}/{number}")
        world.server(text, *says(text, number), error=text)
    world.save()
    place = folder / "inventory"
    place.mkdir()
    keyed = [{"key": key, "prefix": "by"} for key in ("clm_issuer", "clm_server", "clm_names", "clm_where")]
    options = {"compose": {"mine": "clm_server ~ clm_issuer"}, "groups": {"named": "clm_names | length > 0"}, "keyed_groups": keyed}
    (place / "b.clm.yml").write_text(json.dumps({"plugin": "certops.clm.certificates", "manifest": "../manifest.yml", **options}))
    return place


def listed(ansible, place, *more):
    argv = [ansible.bin / "ansible-inventory", "-i", place, *more]
    done = subprocess.run(argv, env=ansible.environment(), capture_output=True, cwd=ansible.place, check=False)
    assert done.returncode == 0 and b"Failed to parse" not in done.stderr, done.stderr[-2000:]
    return done.stdout


def test_texts_stay_texts(ansible, tmp_path, marks):
    place = inventory(tmp_path, marks)
    seen = json.loads(listed(ansible, place, "--list"))
    variables = seen.pop("_meta")["hostvars"]
    hosts = {host for group in seen.values() for host in group.get("hosts", ())}
    assert len(hosts) > len(HOSTILE) and all(NAME.match(host) for host in hosts) and not hosts & {"localhost", "all"}
    odd = [group for group in seen if not (IDENTIFIER if group.startswith("clm_") else WORD).match(group)]
    assert not odd, "groups of ours are ASCII identifiers, those of keyed_groups are what core makes of a text"
    assert all(OURS.match(name) or name == "mine" for one in variables.values() for name in one)
    broken = [line for line in listed(ansible, place, "--graph").decode().split("\n") if not re.fullmatch(r"[ |]*(--)?@?[\w.-]*:?", line)]
    assert not broken
    plays = [("localhost", TASKS), ("clm_unmanaged[0:3]", OWN)]
    run = ansible.playbook([{"hosts": where, "gather_facts": False, "tasks": tasks} for where, tasks in plays], inventory=place).ok()
    assert set(run.stats) - {"localhost"} <= hosts and len(run.results("use")[0]["msg"][1]) > len(HOSTILE)
    assert not list(marks.iterdir())


def test_filters_lookup_report_and_ledger_keep_them(ansible, tmp_path, marks):
    """Every text in a certificate that filters and the lookup read, in the ledger that the report and ledger_info read."""
    world = World(tmp_path)
    texts = [text.replace("/tmp/clm-hostile", f"{marks}/{number}") for number, text in enumerate(HOSTILE.values(), 1)]
    pems = [pem_of(text, number) for number, text in enumerate(texts, 1)]
    (tmp_path / "pems.json").write_text(json.dumps(pems))
    plain = [text for text in texts if "PRIVATE KEY" not in text]  # store and ledger take no such text
    world.version("shop", [pem_of(texts[0])], names=plain, note=plain)
    path = str(world.save())
    told = ("message", "next_action", "reason", "step", "run_id")
    with Ledger(str(tmp_path / "ledger"), "hostile", lambda: datetime.now(timezone.utc)) as ledger:
        item = load(path).deployments[0].id
        events = [{"action": "outcome", "deployment": item, "state": "failed", **dict.fromkeys(told, text)} for text in plain]
        ledger.append(events)
    place = {"store": {"type": "directory", "path": str(tmp_path / "store"), "allow_ephemeral": True}, "pems": str(tmp_path / "pems.json")}
    read = "lookup('ansible.builtin.file', pems) | from_json | map('certops.clm.parse_certificate') | list"
    tasks = [
        {"name": "filter", "ansible.builtin.set_fact": {"parsed": "{{ " + read + " }}"}},
        {"name": "parsed", "ansible.builtin.debug": {"msg": "{{ parsed }} {{ parsed | to_json }}"}},
        {"name": "look", "ansible.builtin.set_fact": {"kept": "{{ lookup('certops.clm.certificate', 'shop', " + FACTS + ") }}"}},
        {"name": "looked", "ansible.builtin.debug": {"msg": "{{ kept }} {{ kept.names }} {{ kept | to_json }}"}},
        {"name": "report", "certops.clm.report": {"manifest": path, "folder": str(tmp_path / "report")}, "register": "told"},
        {"name": "ledger", "certops.clm.ledger_info": {"path": str(tmp_path / "ledger")}, "register": "chains"},
        {"name": "said", "ansible.builtin.debug": {"msg": "{{ told }} {{ chains }} {{ told | to_json }}"}},
    ]
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "vars": place, "tasks": tasks}], args=["-vvv"]).ok()
    assert len(run.result("filter")["ansible_facts"]["parsed"]) == len(HOSTILE) and not list(marks.iterdir())
    for name in ("report.html", "report.csv"):
        assert not HIDDEN.search((tmp_path / "report" / name).read_text()), name
    assert run.result("ledger")["events"] == len(plain) == len(HOSTILE) - 1
