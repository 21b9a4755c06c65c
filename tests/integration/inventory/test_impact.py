# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook impact: what depends on a certificate, a key, an issuer or a host, on real servers."""

from __future__ import annotations

import json

import pytest

from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.tests.integration.rotate.campaign import OTHERS, SHOP, Campaign


@pytest.mark.every_core
def test_a_stolen_ca_key_names_every_service_owner_and_consumer(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", *OTHERS])
    campaign.manifest["lineages"]["shop"].update(service="webshop", owner="team-shop", criticality="critical")
    campaign.write()
    campaign.run().ok()
    (root,) = Bundle.parse(campaign.root_pem).certificates
    run = campaign.run("impact", clm_impact_key=root.spki_sha256, clm_impact_file=str(tmp_path / "impact.json")).ok()
    found = json.loads((tmp_path / "impact.json").read_text())
    assert len(found["rows"]) == 6 and {row["role"] for row in found["rows"]} == {"served"}
    assert [row["lineage"] for row in found["rows"]][:3] == ["shop"] * 3, "what is critical comes first"
    assert found["owners"] == ["team-shop", "team-web"] and found["consumers"] == ["internal"]
    assert "webshop" in run.output and "6 places serve the key" in run.output


@pytest.mark.every_core
def test_a_certificate_an_issuer_and_a_host(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", "api"])
    campaign.run().ok()
    ask = [
        {"name": kind, "certops.clm.impact": {"manifest": str(tmp_path / "manifest.yml"), kind: value}}
        for kind, value in (("sha256", campaign.current("api")), ("issuer", "internal"), ("host", "web2"))
    ]
    run = campaign.ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": ask}]).ok()
    lineages = {kind: [row["lineage"] for row in run.result(kind)["rows"]] for kind in ("sha256", "issuer", "host")}
    assert lineages == {"sha256": ["api"], "issuer": ["api", *["shop"] * len(SHOP)], "host": ["shop"]}


def test_a_place_that_nobody_could_look_at_is_never_not_affected(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    campaign.run().ok()
    lab.servers["web3"].stop()  # its host answers, and has the certificate in its files
    for playbook, task in (("discover", "Fail when something could not be looked at"), ("report", "Fail when something was not seen")):
        run = campaign.run(playbook)
        (failed,) = run.results(task)
        assert run.rc == 2 and "shop-web3-" in failed["msg"] and "refused" in failed["msg"] and "runbook_blind" in failed["msg"], playbook
    assert campaign.report()["tone"] == "bad" and "shop-web3-" in campaign.report()["not_seen"][0], "it is written all the same"
    kept = tmp_path / "impact.json"
    run = campaign.run("impact", clm_impact_sha256=campaign.current("shop"), clm_impact_file=str(kept))
    assert run.rc == 2 and "1 could not be looked at, so they may depend on it too" in run.output
    (unseen,) = json.loads(kept.read_text())["not_seen"]
    assert unseen.startswith("shop-web3-") and len(json.loads(kept.read_text())["rows"]) == 3, "the file of web3 has it"
    (lab.hosts["web3"].place / "cut").touch()  # nobody reaches the host
    sources = [{"type": "findings"}, {"type": "endpoints", "timeout": "soon", "endpoints": []}]
    text = json.dumps({"plugin": "certops.clm.certificates", "manifest": "manifest.yml", "sources": sources})
    (tmp_path / "certificates.clm.yml").write_text(text)
    run = campaign.run("impact", clm_impact_sha256=campaign.current("shop"), clm_impact_file=str(kept))
    said = json.loads(kept.read_text())["not_seen"]
    assert "2 places serve" in run.output, "what is known is said all the same"
    assert run.rc == 2 and any(one.startswith("web3: it was not reached") for one in said)
    assert any(one.startswith("source endpoints: ValueError") for one in said), "a source of the inventory is blind"


def test_what_cannot_be_asked_is_one_clear_error(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    for asked in ({"sha256": "12"}, {"sha256": "a" * 64, "host": "web1"}, {}):
        task = {"name": "ask", "certops.clm.impact": {"manifest": str(tmp_path / "manifest.yml"), **asked}}
        run = campaign.ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
        assert run.rc == 2 and run.result("ask")["error"]["field"] in ("sha256", "host")
