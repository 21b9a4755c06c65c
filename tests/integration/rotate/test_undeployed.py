# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lineages that no deployment serves: rotate renews them into the secret store, and what fails there hides no wave's result."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign


@pytest.fixture
def campaign(lab, ansible, tmp_path):
    """One deployed lineage, and two that are kept only."""
    made = Campaign(lab, ansible, tmp_path, ["api"])
    for name in ("ldap", "mail"):
        made.manifest["lineages"][name] = {"names": [f"{name}.lab.example"], "deployments": []}
    made.write()
    return made


def rows(campaign):
    return {row["lineage"]: row for row in campaign.report()["places"]}


@pytest.mark.every_core
def test_they_are_planned_issued_shown_and_then_left_alone(campaign, tmp_path):
    plan = campaign.run(args=["--check", "--diff"]).ok()
    states = {name: one["state"] for name, one in plan.result("Issue what has no deployment")["outcomes"].items()}
    assert states == {"ldap": "planned", "mail": "planned"} and "ldap.lab.example" in plan.output
    assert not (tmp_path / "store" / "lineages").exists() and not (tmp_path / "ledger").exists() and not (tmp_path / "report").exists()
    run = campaign.run().ok()
    assert "0 of 2 lineages without a deployment in the secret store; 3 due." in run.output
    for name in ("ldap", "mail"):
        assert f"{name}: done" in run.output and campaign.current(name) in run.output
        assert rows(campaign)[name]["outcome_state"] == "done" and rows(campaign)[name]["after_sha256"] == campaign.current(name)
    told = [event for event in campaign.events() if event["action"] == "outcome" and event["lineage"] == "ldap"]
    assert {event["owner"] for event in told} == {"team-web"} and {event["sha256"] for event in told} == {campaign.current("ldap")}
    again = campaign.run().ok()
    assert again.changed() == 0 and "and 2 of 2 lineages without a deployment in the secret store; 0 due. Nothing to do." in again.output
    campaign.force("drill")
    campaign.manifest["lineages"]["api"]["forced"] = ""
    campaign.write()
    campaign.run().ok()
    assert [len(campaign.versions(name)) for name in ("ldap", "mail", "api")] == [2, 2, 1]
    campaign.run("rollback", clm_lineage="ldap").ok()
    assert campaign.current("ldap") == campaign.versions("ldap")[0]["sha256"]
    assert rows(campaign)["ldap"]["outcome_state"] == "done"


def test_one_that_fails_is_red_at_the_end_and_the_wave_has_run(campaign, lab):
    campaign.manifest["issuers"]["gone"] = {"type": "local_ca", "path": "nowhere", "passphrase_file": "passphrase"}
    campaign.manifest["lineages"]["mail"]["issuer"] = "gone"
    campaign.write()
    run = campaign.run()
    assert run.rc == 2 and run.stats["localhost"]["failures"] == 1
    assert lab.served("app1", verify=False) == campaign.current("api") and campaign.outcomes(run)["app1"]["state"] == "done"
    assert campaign.current("ldap") and rows(campaign)["ldap"]["outcome_state"] == "done"
    (failed,) = campaign.report()["failed"]
    assert failed["lineage"] == "mail" and failed["next_action"] and failed["owner"] == "team-web"
    (told,) = [event for event in campaign.events() if event.get("lineage") == "mail"]
    assert told["state"] == "failed" and told["message"] == failed["message"]
    said = [event for event in run.events if event.get("task", "").startswith("Fail when something without a deployment")]
    assert "mail at step issue (failed)" in said[0]["result"]["msg"], "the last play says it in red"


def test_a_wave_that_fails_takes_nothing_from_them(campaign, lab):
    lab.servers["app1"].sabotage("keep_old")
    run = campaign.run()
    assert run.rc == 2 and campaign.outcomes(run)["app1"]["state"] == "rolled_back"
    assert campaign.current("ldap") and rows(campaign)["ldap"]["outcome_state"] == "done"
