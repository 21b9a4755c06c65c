# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: managed hosts are reached as in life, servers serve what they hold, and a reload brings the new."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.lab.host import wait_for

SERVERS = ["web1", "lb1", "db1", "app1"]
BARE = "import sys, json; import importlib.util as u; print(json.dumps([sys.version_info[:2], bool(u.find_spec('cryptography'))]))"


@pytest.mark.every_core
def test_managed_hosts_are_reached_by_ssh_with_a_bare_python(lab, ansible, tmp_path):
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["web1", "web2", "lb1"])
    tasks = [
        {"name": "ping", "ansible.builtin.ping": {}},
        {"name": "python", "ansible.builtin.command": {"argv": ["{{ ansible_python_interpreter }}", "-c", BARE]}, "changed_when": False},
        {"name": "mark", "ansible.builtin.copy": {"content": "{{ inventory_hostname }}", "dest": "/etc/clm/who", "mode": "0644"}},
    ]
    if not lab.isolated:
        tasks.pop()
    run = ansible.playbook([{"hosts": "lab", "gather_facts": False, "tasks": tasks}], inventory=inventory).ok()
    assert [result["ping"] for result in run.results("ping")] == ["pong"] * 3
    assert {result["stdout"] for result in run.results("python")} <= {f"[[3, {minor}], false]" for minor in range(9, 15)}
    for name in ("web1", "web2", "lb1") if lab.isolated else ():
        assert lab.hosts[name].real("/etc/clm/who").read_text() == name


@pytest.mark.parametrize("name", SERVERS)
def test_the_initial_certificate_is_served_with_its_chain(lab, name):
    server = lab.server(name)
    for site in server.sites:
        assert lab.served(name, site.name) == server.initial[site.name].sha256


@pytest.mark.parametrize("name", SERVERS)
def test_a_new_certificate_is_served_after_a_reload_and_not_before(lab, name):
    server, site = lab.server(name), lab.site(name)
    fresh = lab.ca.issue(site.names)
    server.hold(site, fresh)
    assert lab.served(name) == server.initial[site.name].sha256
    server.reload()
    wait_for(lambda: lab.served(name) == fresh.sha256, f"the new certificate of {name}")


@pytest.mark.parametrize("name", SERVERS)
def test_the_check_runs_on_the_host(lab, ansible, tmp_path, name):
    inventory = lab.write_inventory(tmp_path / "hosts.json", [name])
    task = {"name": "check", "ansible.builtin.command": {"argv": lab.server(name).check()}, "changed_when": False}
    ansible.playbook([{"hosts": name, "gather_facts": False, "tasks": [task]}], inventory=inventory).ok()


def test_a_host_that_is_cut_off_is_unreachable_and_comes_back(lab, ansible, tmp_path):
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["web1", "web2"])
    play = [{"hosts": "lab", "gather_facts": False, "tasks": [{"name": "ping", "ansible.builtin.ping": {}}]}]
    lab.hosts["web2"].cut()
    run = ansible.playbook(play, inventory=inventory)
    assert run.rc != 0
    assert (run.stats["web1"]["ok"], run.stats["web2"]["unreachable"]) == (1, 1)
    lab.hosts["web2"].mend()
    ansible.playbook(play, inventory=inventory).ok()


@pytest.mark.parametrize("name", SERVERS)
def test_a_client_that_looks_all_the_time_sees_the_old_or_the_new_and_no_error(lab, name):
    """Old and new may come by turns for a moment: nginx's old worker still takes connections while the new one does."""
    server, site = lab.server(name), lab.site(name)
    fresh = lab.ca.issue(site.names)
    with lab.watcher(name) as watcher:
        server.hold(site, fresh)
        server.reload()
        wait_for(lambda: watcher.last(10) == {fresh.sha256}, f"ten new connections with the new certificate of {name}")
    assert watcher.errors == []
    assert set(watcher.seen) == {server.initial[site.name].sha256, fresh.sha256}
