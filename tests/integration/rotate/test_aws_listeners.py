# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`rotate` over listeners of AWS, through ansible-playbook, on the lab's emulator with its TLS front (tier B)."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.aws_campaign import AwsCampaign
from ansible_collections.certops.clm.tests.lab.aws import emulator


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


def test_planned_rotated_idempotent_and_one_that_never_changes_stops_the_waves(ansible, aws, tmp_path):
    aws.reset()
    campaign = AwsCampaign(aws, ansible, tmp_path, {"shop": 4})
    listeners = campaign.listeners["shop"]
    first = campaign.shown(listeners[0], "shop")
    plan = campaign.rotate("--check", "--diff").ok()
    assert campaign.shown(listeners[0], "shop") == first and not campaign.versions("shop"), "nothing was written"
    assert set(campaign.verdicts(plan).values()) == {"planned"}

    aws.forget_calls()
    run = campaign.rotate().ok()
    new = campaign.current("shop")
    assert set(campaign.verdicts(run).values()) == {"done"}
    assert [campaign.shown(one, "shop") for one in listeners] == [[new, new]] * 4
    calls = aws.calls()
    assert calls["acm:ImportCertificate"] == 1 and calls["elasticloadbalancing:ModifyListener"] == 4, "one import serves them all"
    again = campaign.rotate().ok()
    assert again.changed() == 0 and "Nothing to" in again.output

    campaign.force("once more")
    campaign.freeze(listeners[2])
    run = campaign.rotate(clm_waves=[1, 1, "rest"])
    verdicts = campaign.verdicts(run)
    assert run.rc != 0 and sorted(verdicts.values()) == ["done", "done", "rolled_back"], verdicts
    assert campaign.shown(listeners[2], "shop") == [new, new] and campaign.shown(listeners[3], "shop") == [new, new]
    newest = next(one["sha256"] for one in campaign.versions("shop") if one["sha256"] != new)
    assert campaign.shown(listeners[0], "shop") == [newest, newest] and "PRIVATE KEY" not in run.output
    campaign.freeze(listeners[2], never=False)

    aws.faults({"match": "elasticloadbalancing:ModifyListener", "after": 1, "share": 1, "code": "ExpiredToken"})
    run = campaign.rotate(clm_waves=["rest"])
    assert run.rc != 0 and sorted(campaign.verdicts(run).values()) == ["done", "failed"], "the credentials ended in mid-run"
    assert "get new ones" in run.output
    aws.faults({"match": "*", "share": 0.3, "code": "Throttling"})
    campaign.rotate().ok()
    aws.faults()
    assert [campaign.shown(one, "shop") for one in listeners] == [[newest, newest]] * 4
    imported = aws.calls()["acm:ImportCertificate"]
    assert imported == 2, "one for each version, in five runs"
