# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate on real servers over SSH: found, judged, issued, deployed in waves, proven, recorded."""

from __future__ import annotations

import csv

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import OTHERS, SHOP, Campaign

LABELS = {
    "owner": "team-api", "service": "payments", "environment": "test", "criticality": "high",
    "runbook": "https://run.book/api", "consumers": ["internal", "partners"],
}  # fmt: skip


@pytest.mark.every_core
def test_from_a_foreign_certificate_to_a_proven_one_and_then_nothing(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", *OTHERS])
    campaign.manifest["lineages"]["api"].update(LABELS)
    campaign.manifest["client_classes"]["partners"] = {"anchors": "ca/root.pem"}
    campaign.write()
    run = campaign.run().ok()
    now = campaign.current("shop")
    assert {lab.served(name, verify=False) for name in SHOP} == {now}
    for lineage, name in OTHERS.items():
        assert lab.served(name, verify=False) == campaign.current(lineage)
    assert {outcome["state"] for outcome in campaign.outcomes(run).values()} == {"done"} and len(campaign.outcomes(run)) == 6
    assert [version["state"] for version in campaign.versions("shop")] == ["proven"], "one lineage on three servers is issued once"
    events = campaign.events()
    assert sum(event["action"] == "intent" and event["step"] == "deploy" for event in events) == 6
    assert {event["owner"] for event in events if event["action"] == "outcome"} == {"team-web", "team-api"}
    mine = [event for event in events if event.get("lineage") == "api" and event["action"] in ("intent", "outcome")]
    assert len(mine) >= 4 and all(LABELS.items() <= event.items() for event in mine), "from the request to the end of its deployment"
    (row,) = [row for row in csv.DictReader((tmp_path / "report" / "report.csv").open(newline="")) if row["lineage"] == "api"]
    assert {**LABELS, "consumers": "internal, partners"}.items() <= row.items()
    again = campaign.run().ok()
    assert again.changed() == 0 and "Nothing to do. The next one is" in again.output
    assert campaign.report()["headline"] == "Nothing is due"


@pytest.mark.every_core
def test_the_plan_changes_nothing_and_says_what_would_be_asked_for(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    before = {name: lab.served(name) for name in SHOP}
    run = campaign.run(args=["--check", "--diff"]).ok()
    assert {outcome["state"] for outcome in campaign.outcomes(run).values()} == {"planned"}
    issued = [event["result"] for event in run.events if event.get("task", "").endswith(": Issue")]
    assert issued and all(one["changed"] and one["diff"]["before"] != one["diff"]["after"] for one in issued)
    assert "shop.lab.example" in run.output and {name: lab.served(name) for name in SHOP} == before
    assert not (tmp_path / "store" / "lineages").exists() and not (tmp_path / "ledger").exists() and not (tmp_path / "report").exists()


def test_the_previous_version_comes_back_with_one_command_and_no_ca(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    campaign.run().ok()
    first = campaign.current("shop")
    campaign.force("drill")
    campaign.run().ok()
    assert campaign.current("shop") != first
    names = ["api.lab.example"]
    campaign.manifest["lineages"]["api"] = {"names": names, "deployments": lab.deployments("api")}  # due, and none of our business
    campaign.write()
    before = lab.served("app1")
    for name in ("intermediate.key", "root.key"):
        (tmp_path / "ca" / name).unlink()
    campaign.run("rollback", clm_lineage="shop").ok()
    assert {lab.served(name, verify=False) for name in SHOP} == {first} == {campaign.current("shop")}
    assert [version["state"] for version in campaign.versions("shop")] == ["proven", "rejected"]
    assert lab.served("app1") == before and not (tmp_path / "store" / "lineages" / "api").exists()


def test_a_key_made_on_its_host_never_leaves_it(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    campaign.manifest["lineages"]["api"]["key_origin"] = "host"
    campaign.write()
    campaign.run().ok()
    assert lab.served("app1", verify=False) == campaign.current("api")
    key = lab.hosts["app1"].real("/etc/clm/tls/api.key").read_text()
    body = "".join(key.splitlines()[1:-1])
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or body[:60] not in path.read_text(errors="replace").replace("\n", ""), path
    assert not list((tmp_path / "store").rglob("key.pem"))
    assert campaign.run().ok().changed() == 0
