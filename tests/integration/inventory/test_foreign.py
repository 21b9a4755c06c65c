# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody else brought is reported and left alone, until somebody says that it may be replaced."""

from __future__ import annotations

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
    campaign.manifest["lineages"]["shop"]["take_over"] = True
    campaign.write()
    campaign.run().ok()
    assert {lab.served(name, verify=False) for name in SHOP} == {campaign.current("shop")}


def test_what_certbot_keeps_is_recognised_through_its_symlink(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    campaign.manifest["defaults"]["take_over"] = False
    campaign.write()
    target = campaign.manifest["lineages"]["api"]["deployments"][0]["target"]
    file = lab.hosts["app1"].real(target["certificate_file"])
    live = lab.hosts["app1"].real("/etc/clm/letsencrypt/live/api/fullchain.pem")
    live.parent.mkdir(parents=True)
    file.rename(live)
    file.symlink_to("/etc/clm/letsencrypt/live/api/fullchain.pem")
    run = campaign.run().ok()
    assert run.changed() == 0
    campaign.run("report").ok()
    assert "certbot keeps it" in (tmp_path / "report" / "report.json").read_text()
