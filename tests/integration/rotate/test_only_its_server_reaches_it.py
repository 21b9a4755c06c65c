# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations of endpoints that only their own server reaches: its names resolve there and nowhere else."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.support.environment import not_there, which

HOSTS = {"api": "app1", "orders": "db1"}


@pytest.fixture
def inside(lab):
    """Makes files of the machine others in a host's own view; they are as before afterwards."""
    mounted = []

    def put(name, text, over):
        host = lab.hosts[name]
        file = host.write(f"/srv{over}", text)
        host.run(["mount", "--bind", str(file), over])
        mounted.append((host, over))

    def take_back():
        host, over = mounted.pop()
        host.run(["umount", over])

    if not lab.isolated:
        not_there("namespaces", "only root makes a view for each host")
    put.take_back = take_back
    yield put
    while mounted:
        take_back()


@pytest.fixture
def campaign(lab, ansible, tmp_path, inside):
    """A campaign whose endpoints' names are known to their servers alone."""
    made = Campaign(lab, ansible, tmp_path, list(HOSTS))
    for lineage, name in HOSTS.items():
        inside(name, f"{lab.hosts[name].address} {name}.inside.invalid\n", "/etc/hosts")
        (deployment,) = made.manifest["lineages"][lineage]["deployments"]
        deployment["endpoints"][0]["host"] = f"{name}.inside.invalid"
    made.write()
    return made


@pytest.mark.every_core
def test_the_chain_is_proven_from_the_server_itself(lab, campaign):
    run = campaign.run(rotate_proof_timeout=2).ok()
    outcomes = campaign.outcomes(run)
    for lineage, name in HOSTS.items():
        assert lab.served(name, verify=False) == campaign.current(lineage)
        assert outcomes[name]["state"] == "done" and f"Proven from the server {name} itself" in outcomes[name]["message"]
        assert "Could not look from the controller" in outcomes[name]["message"] and not outcomes[name]["next_action"]
        assert [version["state"] for version in campaign.versions(lineage)] == ["proven"]
    again = campaign.run().ok()
    assert again.changed() == 0 and "Nothing to do. The next one is" in again.output


def test_an_intermediate_that_is_not_sent_is_seen_from_the_server(lab, campaign):
    lab.servers["app1"].sabotage("leaf_only")
    before = lab.served("app1", verify=False)
    run = campaign.run(rotate_proof_timeout=2)
    outcome = campaign.outcomes(run)["app1"]
    assert run.rc == 2 and outcome["state"] == "rolled_back" and "Seen from the server app1 itself" in outcome["message"]
    assert "clients of class 'internal' cannot verify it with the 1 certificates sent" in outcome["message"]
    assert lab.served("app1", verify=False) == before
    assert [version["state"] for version in campaign.versions("api")] == ["rejected"]


def test_without_openssl_on_an_old_python_it_stays_unproven_and_says_what_to_install(lab, campaign, inside):
    inside("app1", "", which("openssl"))
    run = campaign.run(rotate_proof_timeout=2)
    outcome = campaign.outcomes(run)["app1"]
    assert run.rc == 2 and outcome["state"] == "unproven" and "install the openssl command there" in outcome["message"]
    assert "app1" in outcome["next_action"] and "Nothing was rolled back" in outcome["next_action"]
    assert lab.served("app1", verify=False) == campaign.versions("api")[0]["sha256"], "nobody saw it wrong"
    inside.take_back()
    campaign.run(rotate_proof_timeout=2).ok()
    assert [version["state"] for version in campaign.versions("api")] == ["proven"], "the next run proves it"


@pytest.mark.every_core
def test_the_report_after_a_rotation_shows_what_the_server_saw_in_it(lab, campaign):
    campaign.run(rotate_proof_timeout=2).ok()
    assert reported(campaign) == {lineage: campaign.current(lineage) for lineage in HOSTS}
    campaign.force("again")
    before = reported(campaign)
    campaign.run(rotate_proof_timeout=2).ok()
    assert reported(campaign) == {lineage: lab.served(name, verify=False) for lineage, name in HOSTS.items()}
    assert not set(reported(campaign).values()) & set(before.values())


def test_a_leaf_that_is_served_without_its_intermediate_is_due_and_mended(lab, campaign):
    campaign.run(rotate_proof_timeout=2).ok()
    server, sha256 = lab.servers["app1"], campaign.current("api")
    cut(server)
    run = campaign.run(rotate_proof_timeout=2).ok()
    outcome = campaign.outcomes(run)["app1"]
    assert (outcome["state"], outcome["after"]["sha256"]) == ("done", sha256) and "Proven from the server app1 itself" in outcome["message"]
    assert [event["reason"] for event in campaign.events() if event["action"] == "outcome"][-1] == "incomplete_chain"
    assert (campaign.current("api"), len(campaign.versions("api"))) == (sha256, 1), "nothing was issued for it"
    again = campaign.run().ok()
    assert again.changed() == 0 and "Nothing to do. The next one is" in again.output


def test_without_openssl_on_an_old_python_nobody_takes_the_leaf_for_served_alone(lab, campaign, inside):
    campaign.run(rotate_proof_timeout=2).ok()
    inside("app1", "", which("openssl"))
    again = campaign.run().ok()
    assert again.changed() == 0 and "Nothing to do. The next one is" in again.output


def cut(server):
    """The server serves the leaf of its site alone, by a file that somebody edited."""
    (site,) = server.sites
    leaf = server.host.real(f"{server.folder}/{site.name}.pem")
    end = "-----END CERTIFICATE-----\n"
    leaf.write_text(leaf.read_text().partition(end)[0] + end)
    server.reload()


def reported(campaign):
    """By lineage, the leaf that the page says is served."""
    rows = [row for row in campaign.report()["places"] if row["lineage"] in HOSTS]
    return {row["lineage"]: row["served_sha256"] for row in rows}
