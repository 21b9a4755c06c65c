# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory through ansible-inventory and ansible-playbook: hostile data stays data, and plays see what they need to see."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import World, finding
from ansible_collections.certops.clm.tests.unit.probe.tls import Pki, serving_leaf

pytestmark = pytest.mark.every_core
LABELS = {
    "owner": "team-web", "service": "webshop", "environment": "prod", "criticality": "high",
    "runbook": "https://run.book/shop", "consumers": ["internal"],
}  # fmt: skip
NAMES = ["localhost", "../../x", "!z", "a,b", "[1:3]", "x:y", "all"]


def inventory(world, **options):
    """The inventory's folder: hosts first, then ours."""
    place = world.folder / "inventory"
    (place / "group_vars").mkdir(parents=True, exist_ok=True)
    (place / "a-hosts.yml").write_text(json.dumps({"all": {"hosts": {f"web{number}": {} for number in range(1, 4)}}}))
    hostile = {"ansible_connection": "ssh", "ansible_python_interpreter": "/no/such/python"}
    (place / "group_vars" / "all.yml").write_text(json.dumps(hostile))
    settings = {"plugin": "certops.clm.certificates", "manifest": "../manifest.yml", **options}
    (place / "b.clm.yml").write_text(json.dumps(settings))
    return place


def listed(ansible, place):
    argv = [ansible.bin / "ansible-inventory", "-i", place, "--list"]
    done = subprocess.run(argv, env=ansible.environment(), capture_output=True, text=True, cwd=ansible.place, check=False)
    assert done.returncode == 0 and "Failed to parse" not in done.stderr, done.stderr
    return json.loads(done.stdout)


def plain(value):
    """The data without the marks of what is never a template."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def marks():
    """A folder with a short name, in which every template that is run leaves a file."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    yield place
    shutil.rmtree(place)


@pytest.fixture
def hostile(tmp_path, marks):
    """Templates and patterns everywhere where somebody else can write."""
    count = iter(range(1000))

    def template():
        text = f"{{{{ lookup('pipe','touch {marks}/{next(count)}') }}}}"
        assert len(text) <= 64  # a common name is no longer
        return text

    world = World(tmp_path)
    world.marks, world.live = marks, template()
    shop = world.manifest["lineages"]["shop"]
    shop.update(runbook=template(), owner=template(), service=template(), environment=template())
    world.version("shop", world.authority.chain("shop.example.com"))
    world.serve("web1.example.com|8443|shop.example.com|none", answer="could_not_look", error=template())
    for text in [*NAMES, template()]:
        chain = world.authority.chain(template(), *NAMES, text, subject=text)
        world.server(text, finding(text, chain, kind=template(), server_names=[template()], listen=[template()], error=template()))
    name, world.authority.name = world.authority.name, template()
    world.server("web2", finding("/" + template(), world.authority.chain("x.example.com")), error=template())
    world.authority.name = name
    world.save()
    return world


CONSTRUCTED = {
    "compose": {"mine": "clm_names | first | default('none')", "also": "clm_runbook ~ clm_issuer"},
    "keyed_groups": [{"key": "clm_issuer", "prefix": "by"}, {"key": "clm_names | default([])", "prefix": "name"}],
    "groups": {"named": "clm_names | length > 0"},
}


@pytest.mark.parametrize("options", [{}, CONSTRUCTED, {"per": "certificate", **CONSTRUCTED}], ids=["plain", "constructed", "certificates"])
def test_nothing_from_outside_runs_and_no_host_has_its_name(ansible, hostile, options):
    cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(hostile.folder / "cache")}
    with serving_leaf(Pki().leaf(hostile.live)) as port:
        sources = [{"type": "findings"}, {"type": "endpoints", "endpoints": [{"host": "127.0.0.1", "port": port}]}]
        place = inventory(hostile, sources=sources, **options, **cached)
        listed(ansible, place)
    for _again in range(2):  # from the cache: nobody answers at that port any more
        seen = listed(ansible, place)
        assert [host for host, facts in seen["_meta"]["hostvars"].items() if plain(facts.get("clm_names")) == [hostile.live]]
        hosts = set(seen["_meta"]["hostvars"])
        assert len(hosts) >= 8
        assert not hosts & {*NAMES, "z", "a", "b"}
    tasks = [
        {"name": "say", "ansible.builtin.debug": {"msg": "{{ hostvars[inventory_hostname] | string | length }}"}},
        {"name": "use", "ansible.builtin.debug": {"msg": "{{ clm_names }} {{ clm_issuer }} {{ clm_where | default('') }}"}},
        {"name": "ask", "ansible.builtin.debug": {"msg": "{{ clm_runbook | default('') }} {{ clm_detail | default('') }} {{ clm_blind }}"}},
        {"name": "keep", "ansible.builtin.set_fact": {"kept": "{{ clm_names }}", "all_of_it": "{{ clm_deployment | default({}) }}"}},
        {"name": "again", "ansible.builtin.debug": {"msg": "{{ item }} {{ all_of_it }}"}, "loop": "{{ kept }}"},
    ]
    run = ansible.playbook([{"hosts": "clm_managed:clm_unmanaged", "gather_facts": False, "tasks": tasks}], inventory=place).ok()
    assert set(run.stats) <= hosts
    assert not list(hostile.marks.iterdir())


def test_hosts_run_on_the_controller_with_its_own_python(ansible, tmp_path):
    world = World(tmp_path)
    world.save()
    tasks = [
        {"name": "look", "ansible.builtin.setup": {"gather_subset": ["!all", "!min", "python"]}},
        {"name": "same", "ansible.builtin.assert": {"that": "ansible_facts.python.executable == ansible_playbook_python"}},
    ]
    ansible.playbook([{"hosts": "clm_due", "gather_facts": False, "tasks": tasks}], inventory=inventory(world)).ok()


def test_servers_are_grouped_and_the_unknown_are_said(ansible, tmp_path):
    places = [deployment("web1"), deployment("ghost")]
    world = World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": places, **LABELS}))
    world.save()
    keyed = [{"key": "clm_owner", "prefix": "of"}, {"key": "clm_server"}]
    ours = {"compose": {"pager": "clm_owner ~ '@pager'"}, "groups": {"webs": "clm_server is match('web')"}, "keyed_groups": keyed}
    seen = listed(ansible, inventory(world, **ours))
    assert seen["clm_servers"]["hosts"] == ["web1"]
    web, ghost = sorted(seen["of_team_web"]["hosts"], key=lambda host: "ghost" in host)
    assert seen["webs"]["hosts"] == [web] == seen["_web1"]["hosts"] and seen["_ghost"]["hosts"] == [ghost]
    wanted = {"pager": "team-web@pager", **{f"clm_{name}": value for name, value in LABELS.items()}}
    assert all(wanted.items() <= plain(seen["_meta"]["hostvars"][host]).items() for host in (web, ghost))
    assert "ghost" not in seen["_meta"]["hostvars"]
    tasks = [{"name": "say", "ansible.builtin.debug": {"msg": "{{ clm_unknown_servers }} {{ hostvars['web1'].clm_look.files }}"}}]
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], inventory=inventory(world)).ok()
    assert run.result("say")["msg"] == "['ghost'] ['/etc/tls/shop.pem']"


def test_an_error_of_the_manifest_names_file_and_field(ansible, tmp_path):
    world = World(tmp_path)
    world.manifest["lineages"]["shop"]["issuer"] = "nobody"
    world.save()
    run = ansible.playbook("certops.clm.discover", inventory=inventory(world))
    assert run.rc == 2
    assert "lineages.shop.issuer: there is no issuer 'nobody'" in " ".join(run.output.split())
    assert "No inventory of the plugin certops.clm.certificates was read" in " ".join(run.output.split())


def test_plays_see_new_groups_after_a_refresh_in_rollout_order_and_by_serial(ansible, tmp_path):
    """What the rotation rests on; see reference/ecosystem.md, 5a."""
    lineages = {
        "prod": {"names": ["a.example.com"], "environment": "prod", "deployments": [
            deployment(f"web{number}", certificate_file="/a.pem", key_file="/a.key") for number in (1, 2, 3)]},
        "dev": {"names": ["b.example.com"], "environment": "dev", "deployments": [
            deployment(f"web{number}", certificate_file="/b.pem", key_file="/b.key") for number in (3, 2, 1)]},
    }  # fmt: skip
    world = World(tmp_path, data(**lineages))
    chains = {name: world.authority.chain(lineage["names"][0]) for name, lineage in lineages.items()}
    for name, chain in chains.items():
        world.version(name, chain, state="proven")
        for row in lineages[name]["deployments"]:
            world.serve(f"{row['server']}.example.com|8443|{lineages[name]['names'][0]}|none", chain)
    world.save()
    place = inventory(world)
    assert "clm_due" not in listed(ansible, place)
    for key in list(world.endpoints):
        world.serve(key, answer="refused", error="no certificate")
    later = tmp_path / "later.json"
    later.write_text(json.dumps(world.observations))
    where = {"name": "say", "ansible.builtin.debug": {"msg": "{{ clm_manifest_file }} {{ groups['clm_due'] | length }}"}}
    copy = {"name": "observe", "ansible.builtin.copy": {"src": str(later), "dest": str(tmp_path / "observations.json")}}
    sizes = {"name": "sizes", "ansible.builtin.set_fact": {"sizes": [1, 2, 500]}}
    batch = {"name": "batch", "ansible.builtin.debug": {"msg": "{{ ansible_play_batch }}"}, "run_once": True}
    serial = "{{ hostvars['localhost'].sizes }}"
    run = ansible.playbook([
        {"hosts": "localhost", "gather_facts": False, "tasks": [where, copy, {"ansible.builtin.meta": "refresh_inventory"}, where, sizes]},
        {"hosts": "clm_due:&clm_canary", "gather_facts": False, "serial": serial, "tasks": [batch]},
        {"hosts": "clm_due:!clm_canary", "gather_facts": False, "serial": serial, "tasks": [batch]},
    ], inventory=place).ok()  # fmt: skip
    assert [said["msg"] for said in run.results("say")] == [f"{tmp_path}/manifest.yml 0", f"{tmp_path}/manifest.yml 6"]
    waves = [[host.rsplit("-", 1)[0] for host in said["msg"]] for said in run.results("batch")]
    assert waves == [["dev-web3"], ["prod-web1"], ["dev-web2"], ["dev-web1", "prod-web2"], ["prod-web3"]]
