# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An issuer that makes and keeps every key: its reference is durable before anybody waits, and no key ever is."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Issued, Pending
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.policy.renewal import Foretold
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509.request import build
from ansible_collections.certops.clm.tests.unit.flows.issue_world import WEB, World, wanted


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


class Vault:
    """A CA that keeps the keys: each request gets a reference, and the certificate when `ready` is set."""

    def __init__(self, world, ready=True):
        self.ca, self.ready, self.asked, self.kept = world.ca, ready, [], {}
        self.key_type, self.checked = "", 0

    def identity(self):
        return "vault:keys"

    def held_in(self):
        return "vault"

    def check(self, request):
        self.checked += 1
        assert request.request_id == "" and not request.csr_pem
        if request.key_type == "rsa-4096":
            raise ConfigError("the vault makes no key of type rsa-4096", field="key_type")

    def begin(self, request):
        self.asked.append(request)
        return Pending(f"ref-{len(self.asked)}", go_on=True)

    def resume(self, ref, request):
        if not self.ready:
            return Pending(ref, who_must_act="the desk")
        if ref not in self.kept:
            csr = build(keys.generate(self.key_type or request.key_type), request.names)
            self.kept[ref] = self.ca.begin(replace(request, csr_pem=csr)).chain_pem
        return Issued(self.kept[ref])


def no_key_anywhere(world):
    return not list((world.folder / "store").rglob("key.pem"))


def test_the_reference_is_kept_first_and_a_later_run_goes_on_with_it(world):
    vault = Vault(world, ready=False)
    outcome = world.run(wanted(), issuer=vault)["shop"]
    assert outcome.state == "pending" and outcome.after["spki_sha256"] == ""
    (version,) = world.store().versions("shop")
    assert (version.state, version.held, version.csr_pem) == ("pending", "ref-1", "") and no_key_anywhere(world)
    assert world.run(wanted(), issuer=vault)["shop"].state == "unchanged" and len(vault.asked) == 1
    vault.ready = True
    done = world.run(wanted(), issuer=vault)["shop"]
    (version,) = world.store().versions("shop")
    assert done.state == "done" and len(vault.asked) == 1 and version.held == "ref-1" and len(version.spki_sha256) == 64
    assert done.after["spki_sha256"] == version.spki_sha256 and no_key_anywhere(world)
    assert world.run(wanted(), issuer=vault)["shop"].state == "unchanged"
    assert [event["spki_sha256"] for event in world.events() if event["action"] == "outcome"][-1] == version.spki_sha256


def test_the_next_one_is_asked_for_with_the_reference_of_the_one_before(world):
    vault = Vault(world)
    first = world.run(wanted(), issuer=vault)["shop"].after
    assert world.run(wanted(forced="once more"), issuer=vault)["shop"].state == "done"
    assert (vault.asked[1].replaces_ref, vault.asked[1].request_id[:11]) == ("ref-1", "shop/000002") and vault.asked[0].replaces_ref == ""
    assert first["spki_sha256"] != world.store().load("shop").spki_sha256


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_it_would_refuse_is_refused_before_anything_is_written(world, check_mode):
    vault = Vault(world)
    own = build(keys.generate("ecdsa-p256"), ["shop.example.com"])
    cases = {
        "rsa-4096": wanted(profile=replace(WEB, key_type="rsa-4096")),
        "csr_pem": wanted(csr_pem=own),
        "reuse_key": wanted(reuse_key="it is pinned"),
    }
    for said, item in cases.items():
        outcome = world.run(item, issuer=vault, check_mode=check_mode)["shop"]
        assert outcome.state == "failed" and said in outcome.message + outcome.next_action
    assert not vault.asked and not world.store().versions("shop") and vault.checked == 1
    assert "not_after" not in world.run(wanted(), issuer=vault, check_mode=True)["shop"].after, "its lifetime is the issuer's to say"


def test_a_key_of_another_kind_and_a_compromised_one_are_not_kept(world):
    vault = Vault(world)
    vault.key_type = "rsa-2048"
    refused = world.run(wanted(), issuer=vault)["shop"]
    assert refused.state == "failed" and "rsa-2048" in refused.message
    vault.key_type = ""
    sha256 = world.run(wanted("api"), issuer=vault)["api"].after["sha256"]
    vault.kept["ref-3"] = vault.kept["ref-2"]
    again = world.run(wanted("api", compromised=(sha256,)), issuer=vault)["api"]
    assert again.state == "failed" and "compromised" in again.message


def test_until_it_says_otherwise_it_renews_by_itself(world):
    vault = Vault(world)
    sha256 = world.run(wanted(), issuer=vault)["shop"].after["sha256"]
    world.days(22)
    window = Foretold((world.now - datetime.timedelta(days=22), world.now + datetime.timedelta(days=5)))
    assert world.run(wanted(hints={sha256: window}), issuer=vault)["shop"].state == "unchanged"
    assert world.run(wanted(), issuer=vault, check_mode=True)["shop"].reason.word == "expiring", "by its age it is due"
    window.successor = "ab" * 32
    outcome = world.run(wanted(hints={sha256: window}), issuer=vault, check_mode=True)["shop"]
    assert outcome.reason.word == "ari_window" and "by itself: abababababababab" in outcome.reason.sentence
    late = Foretold((world.now - datetime.timedelta(days=22), world.now - datetime.timedelta(seconds=1)))
    assert world.run(wanted(hints={sha256: late}), issuer=vault, check_mode=True)["shop"].reason.word == "expiring"
