# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks discover and adopt on real servers behind a real sshd."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.certops.clm.tests.support.manifests import data

LINEAGES = {"shop": ["shop.lab.example", "www.shop.lab.example"], "edge": ["edge.lab.example"], "orders": ["db1.lab.example"]}
SERVERS = ["web1", "web2", "web3", "lb1", "db1"]


def configured(server):
    """Where the server of a host has its configuration, for discover."""
    path = server.host.path
    where = {
        "nginx": {"config": path("/etc/nginx/nginx.conf")},
        "haproxy": {"config": path("/etc/haproxy/haproxy.cfg")},
        "postgresql": {"config": [path("/var/lib/postgresql/data/postgresql.conf")]},
    }
    return {"clm_kinds": [server.kind], "clm_kind_options": {server.kind: where[server.kind]}}


@pytest.fixture
def estate(lab, tmp_path):
    """Inventory files of the lab's hosts and of a manifest with some of their certificates; blog is on web1 and not in it."""

    def write(lineages):
        wanted = {name: {"names": LINEAGES[name], "deployments": lab.deployments(name), "take_over": True} for name in lineages}
        (tmp_path / "manifest.yml").write_text(json.dumps({**data(), "lineages": wanted, "include": ["adopted.yml"]}))
        (tmp_path / "certificates.clm.yml").write_text("plugin: certops.clm.certificates\nmanifest: manifest.yml\n")
        hosts = lab.write_inventory(tmp_path / "hosts.json", SERVERS)
        inventory = json.loads(hosts.read_text())
        for name in SERVERS:
            inventory["all"]["children"]["lab"]["hosts"][name].update(configured(lab.server(name)))
        hosts.write_text(json.dumps(inventory))
        return [hosts, tmp_path / "certificates.clm.yml"]

    return write


def served(lab):
    return {lab.served(name, site.name) for name in SERVERS for site in lab.server(name).sites}


@pytest.mark.every_core
def test_what_is_served_is_seen_judged_and_counted(lab, ansible, estate, tmp_path):
    run = ansible.playbook("certops.clm.discover", inventory=estate(LINEAGES)).ok()
    said = run.result("What was seen")["msg"]
    assert "6 certificates seen, 5 deployments managed, 0 lineages without a deployment, 1 places unmanaged, 0 orphaned, 5 due," in said
    seen = json.loads((tmp_path / "observations.json").read_text())
    assert {row["sha256"] for end in seen["endpoints"].values() for row in end["observations"]} < served(lab)
    assert all(len(row["chain_pem"]) == 2 for end in seen["endpoints"].values() for row in end["observations"])
    assert run.changed() == 0
    assert "PRIVATE KEY" not in (tmp_path / "observations.json").read_text()
    for args in ([], ["--check", "--diff"]):
        assert ansible.playbook("certops.clm.discover", inventory=estate(LINEAGES), args=args).ok().changed() == 0


def test_a_server_that_cannot_be_reached_is_said_and_the_others_are_seen(lab, ansible, estate, tmp_path):
    lab.hosts["web2"].cut()
    run = ansible.playbook("certops.clm.discover", inventory=estate(LINEAGES))
    assert run.rc == 2
    (failed,) = run.results("Fail when something could not be looked at")
    assert failed["msg"].startswith("1 could not be looked at, so nothing is known of them: web2: it was not reached")
    seen = json.loads((tmp_path / "observations.json").read_text())
    assert [name for name, server in seen["servers"].items() if not server["reached"]] == ["web2"]
    assert len(served(lab)) == 6


def test_from_nothing_to_a_manifest_by_review(lab, ansible, estate, tmp_path):
    inventory = estate([])
    ansible.playbook("certops.clm.discover", inventory=inventory, extra={"clm_hosts": "lab"}).ok()
    planned = ansible.playbook("certops.clm.adopt", inventory=inventory, args=["--check", "--diff"]).ok()
    assert planned.changed() == 1
    assert not (tmp_path / "proposed.yml").exists()
    ansible.playbook("certops.clm.adopt", inventory=inventory).ok()
    proposed = yaml.safe_load((tmp_path / "proposed.yml").read_text())["lineages"]
    assert {tuple(entry["names"]) for entry in proposed.values()} >= {tuple(names) for names in LINEAGES.values()}
    assert ansible.playbook("certops.clm.adopt", inventory=inventory).ok().changed() == 0
    text = (tmp_path / "proposed.yml").read_text()
    (tmp_path / "proposed.yml").write_text(text.replace("reviewed: false", "reviewed: true"))
    assert not (tmp_path / "adopted.yml").exists()
    for changed, args in ((1, ["--check", "--diff"]), (1, []), (0, []), (0, ["--check", "--diff"])):
        run = ansible.playbook("certops.clm.adopt", inventory=inventory, args=args, extra={"clm_adopt": "accepted"}).ok()
        assert run.changed() == changed
    run = ansible.playbook("certops.clm.discover", inventory=inventory).ok()
    assert "6 deployments managed, 0 lineages without a deployment, 0 places unmanaged" in run.result("What was seen")["msg"]
