# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an issuer is silent: the next one of the list where its root is trusted, and the standby that needs no CA at all."""

from __future__ import annotations

import shutil

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign


def two_cas(lab, ansible, tmp_path, **shop):
    """A campaign with a second CA that its clients trust as well."""
    campaign = Campaign(lab, ansible, tmp_path)
    campaign.manifest["issuers"]["second"] = {"type": "local_ca", "path": "second", "passphrase_file": "passphrase"}
    task = {"name": "ca", "certops.clm.local_ca": {"path": str(tmp_path / "second"), "passphrase_file": str(tmp_path / "passphrase")}}
    ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]).ok()
    (tmp_path / "both.pem").write_text(campaign.root_pem + (tmp_path / "second" / "root.pem").read_text())
    campaign.manifest["client_classes"]["internal"]["anchors"] = "both.pem"
    campaign.manifest["lineages"]["shop"].update(shop)
    campaign.write()
    return campaign


def served(lab):
    return {lab.served(name, verify=False) for name in SHOP}


@pytest.mark.every_core
def test_the_next_issuer_is_asked_where_its_root_is_trusted_and_the_reason_is_recorded(lab, ansible, tmp_path):
    campaign = two_cas(lab, ansible, tmp_path, fallback_issuers=["second"])
    shutil.move(tmp_path / "ca", tmp_path / "gone")
    run = campaign.run().ok()
    (version,) = campaign.versions("shop")
    assert served(lab) == {version["sha256"]} and "internal did not answer" in run.output
    (event,) = [event for event in campaign.events() if event["action"] == "fallback"]
    assert (event["issuer"], event["lineage"]) == ("second", "shop")
    shutil.move(tmp_path / "gone", tmp_path / "ca")
    assert campaign.run().ok().changed() == 0, "what the fallback issued is no reason to issue again"


@pytest.mark.every_core
def test_a_fallback_that_a_client_class_does_not_trust_is_never_asked(lab, ansible, tmp_path):
    campaign = two_cas(lab, ansible, tmp_path, fallback_issuers=["second"])
    (tmp_path / "both.pem").write_text(campaign.root_pem)
    shutil.move(tmp_path / "ca", tmp_path / "gone")
    before = served(lab)
    run = campaign.run()
    assert run.rc != 0 and "does not trust its root" in run.output and served(lab) == before


@pytest.mark.every_core
def test_a_standby_is_deployed_with_one_command_and_no_ca(lab, ansible, tmp_path):
    campaign = two_cas(lab, ansible, tmp_path, standby="second", criticality="critical")
    campaign.run().ok()
    first, ready = campaign.current("shop"), campaign.current("shop.standby")
    assert served(lab) == {first} and first != ready
    for folder in ("ca", "second"):
        shutil.move(tmp_path / folder, tmp_path / f"{folder}-gone")
    plan = campaign.run("standby", args=["--check"], clm_lineage="shop").ok()
    assert ready in plan.output and served(lab) == {first} and len(campaign.versions("shop")) == 1
    limited = campaign.run("standby", args=["--check", "--limit", "web1"], clm_lineage="shop")
    assert limited.rc == 2 and "leaves out localhost" in limited.output
    campaign.run("standby", clm_lineage="shop").ok()
    assert served(lab) == {ready} == {campaign.current("shop")}
    for folder in ("ca", "second"):
        shutil.move(tmp_path / f"{folder}-gone", tmp_path / folder)
    campaign.run().ok()
    assert served(lab) == {ready}, "the standby in service is good until it is due"
    assert campaign.current("shop.standby") not in (ready, first), "its key is in service, so there is another standby now"
    assert campaign.run().ok().changed() == 0
