# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is changed first: canaries, then by environment and criticality, and never more than a third of one service at a time."""

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import OTHERS, SHOP, Campaign


@pytest.mark.every_core
def test_waves_go_by_environment_and_criticality_and_hold_a_third_of_a_service(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", *OTHERS])
    lineages = campaign.manifest["lineages"]
    lineages["shop"].update(environment="prod", criticality="critical", service="shop")
    lineages["orders"].update(environment="staging", criticality="high")
    lineages["api"].update(environment="staging", criticality="low")
    lineages["edge"].update(environment="dev", criticality="critical")
    campaign.write()
    run = campaign.run(args=["--check"], clm_waves=["rest"]).ok()
    plans = run.results("certops.clm.rotate : Plan the wave")
    waves = [[json.loads(plan["plan"]["items"])[host]["server"] for host in plan["plan"]["hosts"]] for plan in plans]
    (canary,), dev, staging, (second,), (third,) = waves
    assert (dev, staging) == (["lb1"], ["app1", "db1"]), "no wave mixes environments, and criticality orders each"
    assert sorted([canary, second, third]) == sorted(SHOP)
    for lineage in lineages.values():  # six deployments of one service, of which one is the canary
        lineage["service"] = "shop"
    campaign.write()
    run = campaign.run(args=["--check"], clm_waves=["rest"]).ok()
    sizes = [len(plan["plan"]["hosts"]) for plan in run.results("certops.clm.rotate : Plan the wave")]
    assert sizes == [1, 1, 2, 2]
    before = {name: lab.served(name) for name in SHOP}
    campaign.manifest["lineages"] = {"shop": lineages["shop"], "trial": trial(lab)}
    campaign.write()
    run = campaign.run()
    assert run.rc == 2 and set(campaign.outcomes(run)) < {"app1", "lb1"} and run.result("Begin the rotation")["canary_sizes"] == [1, 1]
    assert {name: lab.served(name) for name in SHOP} == before, "a canary of dev was not proven, so none of prod begins"


def trial(lab):
    """A lineage of dev on two servers, which nothing serves: its canary cannot be proven."""
    nowhere = [{"host": "127.0.0.1", "port": 9}]
    places = [{"server": name, "target": beside(lab.servers[name]), "endpoints": nowhere} for name in ("app1", "lb1")]
    return {"names": ["trial.lab.example"], "environment": "dev", "deployments": places}


def beside(server):
    """Files of nobody in the server's folder, which the next test finds empty."""
    place = server.host.path(f"{server.folder}/trial")
    return {"kind": "generic", "certificate_file": f"{place}.pem", "key_file": f"{place}.key", "reload": {"command": ["/bin/true"]}}


@pytest.mark.every_core
def test_a_soak_looks_again_and_again_and_not_once(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    run = campaign.run(rotate_soak=3.2).ok()
    (proved,) = run.results("certops.clm.rotate : Prove what is served")
    assert 3 <= proved["looks"] <= 6 and lab.served("app1", verify=False) == campaign.current("api")
    campaign.force("breaks while it is soaked")
    good = campaign.current("api")
    process, events = ansible.begin("certops.clm.rotate", campaign.inventories, extra=campaign.settings(rotate_soak=25))
    deadline = time.monotonic() + 90
    while "Deploy to servers" not in events.read_text() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
    time.sleep(6)  # the proof was good, and now it is looked at again and again
    lab.servers["app1"].sabotage("leaf_only")
    lab.servers["app1"].reload()
    output, _nothing = process.communicate(timeout=120)
    told = [json.loads(line) for line in events.read_text().splitlines()]
    (outcome,) = [one["result"]["outcome"] for one in told if one.get("task", "").endswith("Verdict")]
    assert process.returncode == 2 and (outcome["state"], outcome["step"]) == ("rolled_back", "soak"), output[-3000:]
    assert lab.served("app1", verify=False) == good and campaign.versions("api")[-1]["state"] == "rejected"
