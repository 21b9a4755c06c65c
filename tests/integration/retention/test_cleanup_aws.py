# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook cleanup where versions have copies in ACM, on the lab's emulator (tier B), with AWS as a source of the inventory."""

from __future__ import annotations

import json

from ansible_collections.certops.clm.tests.integration.retention import history
from ansible_collections.certops.clm.tests.integration.rotate.aws_campaign import AwsCampaign
from ansible_collections.certops.clm.tests.lab.aws import REGION, emulator
from ansible_collections.certops.clm.tests.lab.aws_places import classic

DROP = "Drop what nobody wants and nothing serves"


def folders(campaign):
    return sorted((campaign.place / "store/lineages/shop/versions").glob("0*"))


def copied(campaign, number):
    """The version in ACM, as the target puts it there; its ARN."""
    folder = folders(campaign)[number]
    leaf, end, chain = (folder / "chain.pem").read_text().partition("-----END CERTIFICATE-----\n")
    tags = {"clm_lineage": "shop", "clm_sha256": json.loads((folder / "version.json").read_text())["sha256"]}
    body = {"Certificate": leaf + end, "CertificateChain": chain, "PrivateKey": (folder / "key.pem").read_bytes()}
    found = campaign.aws.client("acm").import_certificate(**body, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return found["CertificateArn"]


def held(aws):
    rows = aws.client("acm").list_certificates(Includes={"keyTypes": ["EC_prime256v1", "RSA_2048"]})["CertificateSummaryList"]
    return {one["CertificateArn"] for one in rows}


def cleanup(campaign, *args):
    settings = {"inventory": campaign.inventories, "args": args, "env": campaign.aws.environment, "timeout": 240}
    return campaign.ansible.playbook("certops.clm.cleanup", **settings).ok().result(DROP)


def test_copies_in_acm_go_with_their_versions_unless_somebody_uses_them(ansible, tmp_path):
    with emulator(tmp_path) as aws:
        campaign = AwsCampaign(aws, ansible, tmp_path, {"shop": 1})
        source = {"type": "aws_certificates", "regions": [REGION], "services": ["elbv2"]}
        inventory = {"plugin": "certops.clm.certificates", "manifest": "manifest.yml", "sources": [source]}
        (tmp_path / "certificates.clm.yml").write_text(json.dumps(inventory))
        history.earlier_versions(campaign, "shop", 2)
        used, unused = copied(campaign, 0), copied(campaign, 1)
        classic(aws, "somebody-elses", used)  # which the source does not list, but ACM tells it
        campaign.force("the newest")
        campaign.rotate().ok()
        early = cleanup(campaign)
        assert {one["reason"]["word"] for one in early["outcomes"].values()} == {"in_use", "retained"}, early["outcomes"]
        history.age(campaign, 10)
        before, (first, second, _third) = held(aws), [one.name for one in folders(campaign)]
        expected = {f"shop/{first}": "in_use", f"shop/{used}": "in_use", f"shop/{second}": "superseded", f"shop/{unused}": "superseded"}
        plan = cleanup(campaign, "--check", "--diff")
        assert {name: one["reason"]["word"] for name, one in plan["outcomes"].items()} == expected
        assert {one["state"] for name, one in plan["outcomes"].items() if expected[name] == "superseded"} == {"planned"}
        assert held(aws) == before and history.states(campaign) == ["issued", "issued", "proven"]
        done = cleanup(campaign, "--diff")
        assert {name: one["reason"]["word"] for name, one in done["outcomes"].items()} == expected
        assert held(aws) == before - {unused} and history.states(campaign) == ["issued", "dropped", "proven"]
        assert "Of the copies that targets keep of them: 1 deleted, 1 still in use" in done["said"]
        assert set(cleanup(campaign)["outcomes"]) == {f"shop/{first}", f"shop/{used}"}
