# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook cleanup on real servers: what goes, what stays and why, and that it changes nothing when it has not seen everything."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.integration.retention import history
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign

DROP = "Drop what nobody wants and nothing serves"


def estate(lab, ansible, place, count=2):
    """`shop` on web1 alone with so many earlier versions, the newest one served and proven."""
    campaign = Campaign(lab, ansible, place)
    campaign.manifest["ledger"]["checkpoints"] = {"path": "second"}
    shop = campaign.manifest["lineages"]["shop"]
    shop.update(take_over=True, deployments=[one for one in shop["deployments"] if one["server"] == "web1"])
    campaign.write()
    history.earlier_versions(campaign, "shop", count)
    campaign.force("the newest")
    campaign.run().ok()
    return campaign


@pytest.mark.every_core
def test_what_was_replaced_goes_once_nothing_serves_it(lab, ansible, tmp_path):
    campaign = estate(lab, ansible, tmp_path)
    early = campaign.run("cleanup").ok()
    assert history.states(campaign) == ["issued", "issued", "proven"] and early.changed() == 0
    assert early.result(DROP)["summary"]["counts"] == {"retained": 2} and early.result(DROP)["summary"]["next"]
    history.age(campaign, 10)
    needles = history.keys(campaign)
    assert len(needles) == 3
    planned = campaign.run("cleanup", args=["--check", "--diff"]).ok()
    assert history.states(campaign) == ["issued", "issued", "proven"]
    plan = planned.result(DROP)
    assert [one["state"] for one in plan["outcomes"].values()] == ["planned"] * 2 and len(plan["diff"]["after"]) == 2
    done = campaign.run("cleanup", args=["-vvvvv", "--diff"]).ok()
    assert history.states(campaign) == ["dropped", "dropped", "proven"] and len(history.keys(campaign)) == 1
    first, second, third = history.serials(campaign)
    assert history.revoked(campaign) == {first: "Superseded", second: "Superseded"} and third not in history.revoked(campaign)
    events = [(one["action"], one.get("state", "")) for one in history.ended(campaign, "cleanup")]
    assert events == [("intent", "")] * 2 + [("outcome", "done")] * 2 and history.anchored(campaign)
    requests = [version["meta"]["request_id"] for version in campaign.versions("shop")[:2]]
    assert [one["request_id"] for one in history.ended(campaign, "cleanup")] == requests * 2
    assert not any(needle.decode() in done.output for needle in needles)
    again = campaign.run("cleanup").ok()
    assert again.changed() == 0 and again.result(DROP)["outcomes"] == {} and "No version is there" in again.result(DROP)["said"]
    assert lab.served("web1", verify=False) == campaign.current("shop")


def test_what_is_compromised_and_unused_is_revoked_at_once_and_stays_until_retention_ends(lab, ansible, tmp_path):
    campaign = estate(lab, ansible, tmp_path, count=1)
    old, newest = history.serials(campaign)
    campaign.manifest["lineages"]["shop"]["compromised"] = [campaign.versions("shop")[0]["sha256"]]
    campaign.write()
    planned = campaign.run("cleanup", args=["--check"]).ok()
    (plan,) = planned.result(DROP)["outcomes"].values()
    assert (plan["state"], plan["step"]) == ("planned", "revoke") and not (tmp_path / "ca" / "revoked.jsonl").exists()
    done = campaign.run("cleanup").ok()
    (outcome,) = done.result(DROP)["outcomes"].values()
    assert (outcome["state"], outcome["step"]) == ("done", "revoke") and "key_compromise" in outcome["message"]
    assert history.revoked(campaign) == {old: "Key Compromise"} and newest not in history.revoked(campaign)
    assert history.states(campaign) == ["issued", "proven"] and len(history.keys(campaign)) == 2
    assert campaign.run("cleanup").ok().changed() == 0 and lab.served("web1", verify=False) == campaign.current("shop")


@pytest.mark.every_core
def test_what_is_still_served_or_lies_in_a_file_stays(lab, ansible, tmp_path):
    """web2 serves an older version that the manifest knows nothing of, so only discovery can tell."""
    campaign = Campaign(lab, ansible, tmp_path)
    shop = campaign.manifest["lineages"]["shop"]
    everywhere = shop["deployments"]
    shop.update(take_over=True, deployments=[one for one in everywhere if one["server"] in ("web1", "web2")])
    campaign.force("first")
    campaign.run().ok()
    old = campaign.current("shop")
    shop["deployments"] = [one for one in everywhere if one["server"] == "web1"]
    campaign.force("second")
    campaign.run(clm_accept_fewer=["manifest"]).ok()
    history.age(campaign, 10)
    assert lab.served("web2", verify=False) == old != lab.served("web1", verify=False)
    kept = campaign.run("cleanup", clm_hosts="web2").ok()
    (outcome,) = kept.result(DROP)["outcomes"].values()
    assert (outcome["state"], outcome["reason"]["word"]) == ("unchanged", "in_use") and "web2" in outcome["message"]
    assert history.states(campaign) == ["proven", "proven"]


@pytest.mark.every_core
def test_it_is_refused_when_blind_or_limited(lab, ansible, tmp_path):
    campaign = estate(lab, ansible, tmp_path, count=1)
    history.age(campaign, 10)
    limited = campaign.run("cleanup", args=["--limit", "web1"])
    assert limited.rc != 0 and "--limit" in limited.output
    also_localhost = campaign.run("cleanup", args=["--limit", "web1,localhost"])
    assert also_localhost.rc != 0 and "--limit" in also_localhost.output
    for playbook in ("cleanup", "retire"):
        sliced = campaign.run(playbook, clm_slices=4, clm_slice=1, clm_lineage="shop")
        assert sliced.rc == 2 and "one of 4 slices of a job, so nothing was changed" in " ".join(sliced.output.split()), sliced.output[
            -3000:
        ]
    task = {"name": "act", "certops.clm.cleanup": {"manifest": str(tmp_path / "manifest.yml"), "hosts": ["web1"]}}
    direct = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}], inventory=campaign.inventories)
    assert direct.rc == 2 and "is not in the inventory of this run" in direct.result("act")["msg"], "a slice lacks hosts"
    lab.hosts["web1"].cut()
    blind = campaign.run("cleanup")
    assert blind.rc != 0 and "web1" in blind.output and not blind.results(DROP)
    lab.hosts["web1"].mend()
    lab.servers["web1"].stop()
    down = campaign.run("cleanup")
    assert down.rc != 0 and "the endpoints of the manifest together found 0 certificates" in down.output and not down.results(DROP)
    assert history.states(campaign) == ["issued", "proven"] and not (tmp_path / "ca" / "revoked.jsonl").exists()
