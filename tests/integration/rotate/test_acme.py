# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign with an ACME CA, and the rehearsal of a mass revocation: the CA moves the windows of some certificates into the past."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta, timezone

from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
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
        for name in ("api", "ldap", "mail"):
            leaf = make.store(tmp_path / "store").load(name).chain_pem.partition("-----END CERTIFICATE-----\n")[0]
            soon = timedelta(hours=30 if name == "mail" else 50)
            ca.move_window(leaf + "-----END CERTIFICATE-----\n", soon, soon + timedelta(hours=1))
        (tmp_path / "observations.hints.json").unlink()  # or the CA would be asked again in some hours only
        again = campaign.run().ok()
        said = again.result("What is ahead")["msg"]
        assert "The next one is mail at " in said and said.count(f"{datetime.now(timezone.utc) + timedelta(hours=30):%Y-%m-%d}"), said
        assert again.changed() == 0 and "0 due" in again.output and "0 orphaned" in again.output
        rows = {row["lineage"] for row in campaign.report()["places"]}
        assert rows == {"api", "ldap", "mail"}, "the account is no certificate, and no finding"
        campaign.run("cleanup").ok()


def test_an_account_is_backed_up_comes_back_and_outlives_its_last_lineage(lab, ansible, tmp_path):
    with pebble(tmp_path / "pebble") as ca:
        campaign = Campaign(lab, ansible, tmp_path, [])
        campaign.manifest["issuers"]["public"] = {"type": "acme", **ca.issuer()}
        campaign.manifest["lineages"]["mail"] = {"names": ["mail.lab.example"], "deployments": [], "issuer": "public", "consumers": []}
        campaign.write()
        campaign.run().ok()
        with os.fdopen(os.open(ansible.place / "backup.passphrase", os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
            stream.write("a passphrase for backups only\n")
        names = {"clm_backup": tmp_path / "c.clm", "clm_backup_passphrase_file": ansible.place / "backup.passphrase"}
        extra = {"clm_trust_manifest": True, **{name: str(path) for name, path in names.items()}}
        assert campaign.run("backup", **extra).ok().result("Write the backup")["private_keys"] == 2, "its own, and the account's"
        for name in ("store", "ledger"):
            shutil.rmtree(tmp_path / name)
        manifest = {"clm_manifest_file": str(tmp_path / "manifest.yml")}
        ansible.playbook("certops.clm.restore", extra={**extra, **manifest}).ok()
        campaign.force("after the loss")
        campaign.run().ok()
        first, second = make.store(tmp_path / "store").versions("mail")
        assert (ca.place / "log").read_text().count("accounts in memory") == 1, "the same account issued both"
        campaign.run("retire", clm_lineage="mail").ok()
        serials = [Chain.parse(one.chain_pem).leaf.serial for one in (first, second)]
        assert ca.status(serials[1])["Status"] == "Revoked"
        (account,) = [name for name in make.store(tmp_path / "store").lineages() if name.startswith("acme-account.")]
        assert [one.state for one in make.store(tmp_path / "store").versions(account)] == ["issued"]
        assert campaign.run().ok().changed() == 0
