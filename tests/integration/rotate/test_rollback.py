# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rollback: its plan is what it then does, it is not held up by others, and the report after it is true."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign

FACTS = ("observations.json", "observations.counts.json", "passphrase")  # what was seen is written in check mode too: it is no act


def tree(place):
    """A hash of every file and link, but for what was seen."""
    found = {}
    for path in sorted(place.rglob("*")):
        if path.name not in FACTS and (path.is_symlink() or path.is_file()):
            found[str(path)] = str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def twice(campaign):
    """Two versions, one after the other; returns what the store says of the first, and of the second."""
    campaign.run().ok()
    campaign.force("drill")
    campaign.run().ok()
    folders = sorted(campaign.place.glob("store/lineages/shop/versions/0*"))
    return [{"version": folder.name, **record} for folder, record in zip(folders, campaign.versions("shop"))]


@pytest.mark.every_core
def test_the_plan_is_the_rollback_and_writes_nothing(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    old, new = twice(campaign)
    before, hosts = tree(tmp_path), {name: tree(lab.hosts[name].root / "etc") for name in SHOP}
    plan = campaign.run("rollback", ["--check", "--diff"], clm_lineage="shop", clm_waves=[1]).ok()
    assert tree(tmp_path) == before and {name: tree(lab.hosts[name].root / "etc") for name in SHOP} == hosts
    assert {lab.served(name, verify=False) for name in SHOP} == {new["sha256"]}
    planned = campaign.outcomes(plan)
    assert set(planned) == set(SHOP) and {outcome["state"] for outcome in planned.values()} == {"planned"}
    assert {(one["before"]["sha256"], one["after"]["sha256"]) for one in planned.values()} == {(new["sha256"], old["sha256"])}
    said = plan.result("What is ahead")["msg"]
    for text in (old["sha256"], new["sha256"], old["version"], new["version"], "shop.lab.example", "3 due", "Wave 3: shop-"):
        assert text in said
    assert said.count(", until 20") == 2
    begun = plan.result("Begin the way back")
    assert len(begun["due"]) == 3 and begun["canaries"] == begun["due"][:1]
    done = campaign.run("rollback", clm_lineage="shop", clm_waves=[1]).ok()
    assert [said_of(done), set(campaign.outcomes(done))] == [said_of(plan), set(planned)], "what is done is what was planned"
    assert {lab.served(name, verify=False) for name in SHOP} == {old["sha256"]} == {campaign.current("shop")}
    again = campaign.run("rollback", clm_lineage="shop", clm_waves=[1]).ok()
    assert again.changed() == 0 and "Nothing to deploy" in again.output


def said_of(run):
    return run.result("What is ahead")["msg"]


def test_the_report_after_a_rollback_says_what_moved(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    old, new = twice(campaign)
    campaign.run("rollback", clm_lineage="shop").ok()
    report = campaign.report()
    assert [(row["before_sha256"], row["after_sha256"]) for row in report["moved"]] == [(new["sha256"], old["sha256"])] * 3
    assert not report["failed"]
    before = tree(tmp_path)
    planned = campaign.run("report", ["--check", "--diff"]).ok()
    assert tree(tmp_path) == before and planned.changed() == 0
    again = campaign.run("report").ok()
    assert again.changed() == 0 and campaign.report()["moved"] == report["moved"]
    acts = [event for event in campaign.events() if event["run_id"] == report["run_id"]]
    assert {"campaign", "intent", "outcome"} <= {event["action"] for event in acts}
    assert any(event["step"] == "promote" and event["version"] == old["version"] for event in acts)


def test_a_server_of_others_that_cannot_be_reached_and_a_gate_that_is_closed_hold_nobody_up(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", "api"])
    old, _new = twice(campaign)
    lab.hosts["app1"].cut()
    lab.servers["app1"].stop()
    gate = tmp_path / "gate.yml"  # closed by the incident, and given as an extra variable: those win over all that a play says
    gate.write_text("- ansible.builtin.debug: {msg: closed}\n")
    run = campaign.run("rollback", clm_lineage="shop", rotate_gate_tasks=str(gate), rotate_issue=True).ok()
    assert {lab.served(name, verify=False) for name in SHOP} == {old["sha256"]}
    assert {one["state"] for one in campaign.outcomes(run).values()} == {"done"} and not run.results("ansible.builtin.debug")
    assert len(campaign.versions("shop")) == 2


def test_what_cannot_come_back_changes_nothing(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    old, new = twice(campaign)
    campaign.manifest["lineages"]["shop"]["compromised"] = [old["sha256"]]
    campaign.write()
    before = tree(tmp_path)
    for says, extra in (
        ("Name the lineage", {}),
        ("shp", {"clm_lineage": "shp"}),
        ("is not put back", {"clm_lineage": "shop"}),
        ("there is no version 000009-00000000", {"clm_lineage": "shop", "clm_version": "000009-00000000"}),
    ):
        run = campaign.run("rollback", **extra)
        assert run.rc == 2 and says in run.output, run.output[-2000:]
        assert tree(tmp_path) == before and campaign.current("shop") == new["sha256"], says
    lab.hosts["web2"].cut()
    del campaign.manifest["lineages"]["shop"]["compromised"]
    campaign.write()
    before = tree(tmp_path)
    lab.servers["web2"].stop()
    run = campaign.run("rollback", clm_lineage="shop")
    assert run.rc == 2 and "would be blind, so it stops before anything is changed" in run.output and "web2" in run.output
    assert tree(tmp_path) == before, "the store is changed only when the waves may begin"


def test_a_key_that_its_host_made_comes_back_while_the_host_has_it(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    campaign.manifest["lineages"]["api"]["key_origin"] = "host"
    campaign.write()
    campaign.run().ok()
    old, first = campaign.current("api"), (lab.hosts["app1"].real("/etc/clm/tls/api.key")).read_bytes()
    campaign.force("drill")
    campaign.run().ok()
    new, before = campaign.current("api"), tree(tmp_path)
    plan = campaign.run("rollback", ["--check", "--diff"], clm_lineage="api").ok()
    assert {name: one["state"] for name, one in campaign.outcomes(plan).items()} == {"app1": "planned"} and tree(tmp_path) == before
    assert old in said_of(plan) and lab.served("app1", verify=False) == new != old
    campaign.run("rollback", clm_lineage="api").ok()
    assert lab.served("app1", verify=False) == old == campaign.current("api")
    assert lab.hosts["app1"].real("/etc/clm/tls/api.key").read_bytes() == first, "its own key came back with it"
    assert not list((tmp_path / "store").rglob("key.pem"))
    lab.hosts["app1"].empty("/var/lib/certops-clm")
    gone = {"clm_lineage": "api", "clm_version": latest(campaign), "clm_forced": "a drill"}
    run = campaign.run("rollback", **gone)
    assert run.rc == 2 and "is not on this server any more, which made it" in run.output and "-e clm_version=ID" in run.output
    assert "request again" not in run.output
    assert lab.served("app1", verify=False) == old == campaign.current("api"), "it is said before anything is written"


def latest(campaign):
    return sorted(path.name for path in campaign.place.glob("store/lineages/api/versions/0*"))[-1]
