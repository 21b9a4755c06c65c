# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody else brought is reported and left alone, until somebody says that it may be replaced."""

from __future__ import annotations

import json

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign


@pytest.mark.every_core
def test_a_foreign_certificate_is_left_alone_and_told_with_who_and_until_when(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    campaign.manifest["defaults"]["take_over"] = False
    campaign.write()
    before = {name: lab.served(name) for name in SHOP}
    run = campaign.run().ok()
    assert run.changed() == 0 and "3 serve a foreign certificate and are left alone" in run.output
    assert {name: lab.served(name) for name in SHOP} == before and not (tmp_path / "store" / "lineages").exists()
    campaign.run("report").ok()
    page = (tmp_path / "report" / "report.json").read_text()
    assert "issued by" in page and "valid until" in page and "its file was written at" in page
    _kept_by_others(campaign, ansible)
    campaign.manifest["lineages"]["shop"]["take_over"] = True
    campaign.write()
    campaign.run().ok()
    assert {lab.served(name, verify=False) for name in SHOP} == {campaign.current("shop")}


def _kept_by_others(campaign, ansible):
    """Sources of Kubernetes and of clouds say so in their rows; no lab has either yet, so two rows are given their marks."""
    path = campaign.place / "observations.json"
    seen = json.loads(path.read_text())
    marks = {"web1": {"annotations": {"cert-manager.io/issuer-name": "x"}}, "web2": {"managed_by": "AWS Certificate Manager"}}
    for name, mark in marks.items():
        for finding in seen["servers"][name]["findings"]:
            finding["where"].update(mark)
    path.write_text(json.dumps(seen))
    tell = {"name": "tell", "ansible.builtin.debug": {"msg": "{{ clm_reason_to_deploy }}"}}
    run = ansible.playbook([{"hosts": "shop-*", "gather_facts": False, "tasks": [tell]}], inventory=campaign.inventories).ok()
    told = {event["host"].split("-")[1]: str(event["result"]["msg"]) for event in run.events if event.get("task") == "tell"}
    assert "cert-manager keeps it" in told["web1"] and "AWS Certificate Manager keeps it" in told["web2"]
    assert "keeps it" not in told["web3"]


@pytest.mark.every_core
def test_what_certbot_keeps_stays_even_when_expired_and_what_nobody_keeps_is_replaced_then(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api", "edge"])
    campaign.manifest["defaults"]["take_over"] = False
    campaign.write()
    for name in ("app1", "lb1"):
        lab.servers[name].reset(days=-1, age_days=60)
    before = lab.served("app1", verify=False)
    target = campaign.manifest["lineages"]["api"]["deployments"][0]["target"]
    file = lab.hosts["app1"].real(target["certificate_file"])
    live = lab.hosts["app1"].real("/etc/clm/letsencrypt/live/api/fullchain.pem")
    live.parent.mkdir(parents=True, exist_ok=True)  # another core was here before
    file.rename(live)
    file.symlink_to("/etc/clm/letsencrypt/live/api/fullchain.pem")
    campaign.run()
    assert lab.served("app1", verify=False) == before and file.is_symlink(), "certbot keeps it, expired or not"
    assert lab.served("lb1", verify=False) == campaign.current("edge"), "nobody else would have replaced it"
    assert not (tmp_path / "store" / "lineages" / "api").exists()
    campaign.run("report")
    assert "certbot keeps it" in (tmp_path / "report" / "report.json").read_text()
