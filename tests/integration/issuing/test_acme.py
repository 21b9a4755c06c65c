# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any ACME CA through ansible-playbook, against a real Pebble: the facade, its own module, and what becomes of it."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.integration.issuing.site import Site, play, states
from ansible_collections.certops.clm.tests.lab.pebble import pebble
from ansible_collections.certops.clm.tests.lab.stepca import stepca
from ansible_collections.certops.clm.tests.unit.issuers import make

SHOP = {"lineage": "shop", "names": ["shop.lab.example", "www.shop.lab.example"]}
API = {"lineage": "api", "names": ["api.lab.example"]}
DEAD = {"lineage": "dead", "names": ["dead.lab.example", "blocked.example"]}
GONE = {"lineage": "gone", "names": ["live.lab.example", "gone.lab.example"]}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    with pebble(tmp_path_factory.mktemp("pebble"), PEBBLE_CHAIN_LENGTH=3) as running:
        running.dns_says("set-default-ipv6", ip="")
        running.dns_says("add-a", host="gone.lab.example", addresses=["127.0.0.9"])
        yield running


def test_issued_renewed_and_revoked_without_a_neighbours_harm(ansible, tmp_path, ca):
    """One run in check mode that writes nothing, and one that issues, revokes and issues again."""
    site = Site(tmp_path)
    options = ca.issuer(contact=["pki@lab.example"])
    own = ("acme_certificate", {**options, **site.kept, "certificates": [SHOP, API]})
    issue = ("certificate", {"issuer": {"type": "acme", **options}, **site.kept, "certificates": [SHOP, DEAD, GONE, API]})
    revoke = ("acme_certificate", {**options, **site.kept, "certificates": [SHOP], "state": "revoked", "reason": "key_compromise"})
    stranger = ("acme_certificate", {**revoke[1], "account": "another", "certificates": [API], "reason": "superseded"})
    plays = play(issue, own, revoke, revoke, own, stranger, stranger)
    plays[0]["tasks"][0]["ignore_errors"] = True
    planned = ansible.playbook(plays[:1], args=["--check", "--diff"])
    assert set(states(planned.result("certificate 0")).values()) == {"planned"} and not (tmp_path / "store").exists()
    run = ansible.playbook(plays, args=["--diff", "-vvv"]).ok()
    result = run.result("certificate 0")
    assert states(result) == {"shop": "done", "dead": "failed", "gone": "failed", "api": "done"}, run.output
    dead, gone = result["outcomes"]["dead"], result["outcomes"]["gone"]
    assert "blocked.example" in dead["message"] and "rejectedIdentifier" in dead["message"]
    assert "1 of 2 names" in gone["message"] and "gone.lab.example" in gone["message"] and "split the lineage" in gone["next_action"]
    kept = make.store(tmp_path / "store")
    first = Chain.parse(kept.versions("shop")[0].chain_pem)
    assert len(first.intermediates) == 3 and "PRIVATE KEY" not in run.output
    assert not run.result("acme_certificate 1")["changed"]
    assert states(run.result("acme_certificate 2")) == {"shop": "done"} and not run.result("acme_certificate 3")["changed"]
    assert ca.status(first.leaf.serial)["Status"] == "Revoked"
    again = run.result("acme_certificate 4")
    assert again["outcomes"]["shop"]["reason"]["word"] == "revoked" and states(again) == {"shop": "done", "api": "unchanged"}
    assert states(run.result("acme_certificate 5")) == {"api": "done"} and not run.result("acme_certificate 6")["changed"]
    status = ca.status(Chain.parse(kept.versions("api")[0].chain_pem).leaf.serial)
    assert (status["Status"], status["Reason"]) == ("Revoked", 4), "by the certificate's own key, since the account is not the one it is of"


@pytest.mark.every_core
def test_on_every_core_the_facade_and_the_module_work_on_one_account(ansible, tmp_path, ca):
    site = Site(tmp_path)
    module = ("acme_certificate", {**ca.issuer(), **site.kept, "certificates": [API]})
    facade = ("certificate", {"issuer": {"type": "acme", **ca.issuer()}, **site.kept, "certificates": [API, SHOP]})
    run = ansible.playbook(play(module, facade, module)).ok()
    assert states(run.result("acme_certificate 0")) == {"api": "done"} and not run.result("acme_certificate 2")["changed"]
    assert states(run.result("certificate 1")) == {"api": "unchanged", "shop": "done"}


def test_a_ca_of_another_make_issues_renews_without_hints_and_revokes(ansible, tmp_path):
    site = Site(tmp_path)
    with stepca(tmp_path / "step") as other:
        options = {**other.issuer(), **site.kept}
        facade = ("certificate", {"issuer": {"type": "acme", **other.issuer()}, **site.kept, "certificates": [SHOP, API]})
        forced = ("acme_certificate", {**options, "certificates": [{**SHOP, "forced": "drill"}, API]})
        revoke = ("acme_certificate", {**options, "certificates": [SHOP], "state": "revoked", "reason": "cessation_of_operation"})
        stranger = ("acme_certificate", {**options, "account": "another", "certificates": [API], "state": "revoked"})
        run = ansible.playbook(play(facade, facade, forced, revoke, revoke, facade, stranger, stranger)).ok()
        log = (other.place / "log").read_text()
    assert states(run.result("certificate 0")) == {"shop": "done", "api": "done"} and not run.result("certificate 1")["changed"]
    assert states(run.result("acme_certificate 2")) == {"shop": "done", "api": "unchanged"}
    assert states(run.result("acme_certificate 3")) == {"shop": "done"} and not run.result("acme_certificate 4")["changed"]
    again = run.result("certificate 5")
    assert states(again) == {"shop": "done", "api": "unchanged"} and again["outcomes"]["shop"]["reason"]["word"] == "revoked"
    assert states(run.result("acme_certificate 6")) == {"api": "done"} and not run.result("acme_certificate 7")["changed"]
    assert log.count("/revoke-cert") >= 3 and make.store(tmp_path / "store").load("api").meta["revoked"]["reason"] == "superseded"
