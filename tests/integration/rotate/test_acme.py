# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign with an ACME CA, and the rehearsal of a mass revocation: the CA moves the windows of some certificates into the past."""

from __future__ import annotations

from datetime import timedelta

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.lab.pebble import pebble
from ansible_collections.certops.clm.tests.unit.issuers import make


def test_a_scheduled_run_renews_exactly_what_the_ca_asks_for(lab, ansible, tmp_path):
    with pebble(tmp_path / "pebble") as ca:
        campaign = Campaign(lab, ansible, tmp_path, ["api"])
        campaign.manifest["issuers"]["public"] = {"type": "acme", **ca.issuer()}
        campaign.manifest["client_classes"]["web"] = {"anchors": str(ca.root_file)}
        campaign.manifest["defaults"].update(issuer="public", consumers=["web"])
        for name in ("ldap", "mail"):
            campaign.manifest["lineages"][name] = {"names": [f"{name}.lab.example"], "deployments": []}
        campaign.write()
        first = campaign.run().ok()
        before = {name: campaign.current(name) for name in ("api", "ldap", "mail")}
        assert lab.served("app1", verify=False) == before["api"] and "orphan" not in first.output.replace("0 orphaned", "")
        for name in ("api", "ldap"):
            leaf = make.store(tmp_path / "store").load(name).chain_pem.partition("-----END CERTIFICATE-----\n")[0]
            ca.move_window(leaf + "-----END CERTIFICATE-----\n", timedelta(days=-2), timedelta(days=-1), "https://ca.example/incident")
        campaign.run().ok()
        after = {name: campaign.current(name) for name in before}
        assert [name for name in before if after[name] != before[name]] == ["api", "ldap"]
        assert lab.served("app1", verify=False) == after["api"]
        told = [event for event in campaign.events() if event["action"] == "outcome" and event.get("reason") == "ari_window"]
        assert {event["lineage"] for event in told} == {"api", "ldap"}
        again = campaign.run().ok()
        assert again.changed() == 0 and "0 due" in again.output and "0 orphaned" in again.output
        rows = {row["lineage"] for row in campaign.report()["places"]}
        assert rows == {"api", "ldap", "mail"}, "the account is no certificate, and no finding"
        campaign.run("cleanup").ok()
