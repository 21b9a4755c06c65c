# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`rotate` where ACM holds the key: on the lab's emulator, whose TLS front serves what ACM has issued (tier B)."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.aws_campaign import AwsCampaign
from ansible_collections.certops.clm.tests.lab.aws import REGION, emulator
from ansible_collections.certops.clm.tests.lab.client import served


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


def test_asked_for_bound_by_its_arn_and_noticed_when_acm_has_renewed_it(ansible, aws, tmp_path):
    aws.client("route53").create_hosted_zone(Name="lab.example", CallerReference="rotate")
    campaign = AwsCampaign(aws, ansible, tmp_path, {"shop": 2, "far": 1})
    (tmp_path / "amazon.pem").write_text(aws.ca.root_pem)
    campaign.manifest["client_classes"]["public"] = {"anchors": "amazon.pem"}
    for name, region in (("acm", REGION), ("east", "us-east-1")):
        campaign.manifest["issuers"][name] = {"type": "aws_acm", "region": region, "issue_timeout": 60}
        lineage = campaign.manifest["lineages"]["shop" if name == "acm" else "far"]
        lineage.update(issuer=name, key_origin="issuer", consumers=["public"])
    campaign.write()
    listeners = campaign.listeners["shop"]
    aws.forget_calls()
    plan = campaign.rotate("--check", "--diff")
    far = next(outcome for outcome in plan.events if outcome.get("task", "").endswith("Verdict") and "far" in outcome["host"])
    assert sorted(campaign.verdicts(plan).values()) == ["failed", "planned"], "no wave follows the one that was refused"
    assert f"in acm:123456789012:us-east-1, and this place uses keys in acm:123456789012:{REGION}" in str(far["result"]["outcome"])
    assert "acm:RequestCertificate" not in aws.calls() and not campaign.versions("shop")

    del campaign.manifest["lineages"]["far"]
    campaign.write()
    run = campaign.rotate().ok()
    first, (version,) = campaign.current("shop"), campaign.versions("shop")
    arn = version["meta"]["ref"]
    assert set(campaign.verdicts(run).values()) == {"done"} and [campaign.shown(one, "shop") for one in listeners] == [[first, first]] * 2
    calls = aws.calls()
    assert calls["acm:RequestCertificate"] == 1 and "acm:ImportCertificate" not in calls
    assert not list((tmp_path / "store").rglob("key.pem"))

    aws.renew(arn)
    run = campaign.rotate().ok()
    second = campaign.current("shop")
    assert first != second == campaign.versions("shop")[-1]["sha256"] and campaign.versions("shop")[-1]["state"] == "proven", run.output
    assert campaign.versions("shop")[-1]["meta"]["ref"] == arn and aws.calls()["acm:RequestCertificate"] == 1
    again = campaign.rotate().ok()
    assert again.changed() == 0 and "Nothing to" in again.output
    front = campaign.fronts[listeners[0]]
    assert served(front["addresses"][0]["address"], front["port"], "shop.lab.example") == second
