# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking another manager's certificates into the store: what is taken, what is not, and that a dead run is finished by the next one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils import ledger as ledgers
from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.flows.take_in import Offer, judged, take_in
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.tests.support.world import KEY_PEM, NOW, World


class Taking:
    """A world whose other manager has one certificate for `shop`."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.store, self.folder = self.world.store, str(folder / "ledger")

    def offer(self, age: int = 5, **more: Any) -> Offer:
        chain = "".join(self.world.authority.chain("shop.example.com", age=age))
        usual = {"lineage": "shop", "chain_pem": chain, "origin": "certbot on web1", "issuer": "acme:ca", "profile": Profile("web")}
        return Offer(**{**usual, **more})

    def take(self, *offers: Offer, key: Callable[[str], Secret] = lambda _name: Secret(KEY_PEM)) -> Dict[str, Outcome]:
        with ledgers.Ledger(self.folder, "w1", lambda: NOW) as ledger:
            return take_in(offers, key, store=self.store, ledger=ledger, clock=lambda: NOW, run_id="r1")

    def events(self) -> List[Dict[str, Any]]:
        return list(ledgers.read(self.folder))


@pytest.fixture
def taking(tmp_path: Path) -> Taking:
    return Taking(tmp_path)


def test_certificate_and_key_become_the_first_version_and_are_recorded(taking: Taking) -> None:
    offer = taking.offer(labels={"owner": "web", "consumers": ["a"]})
    assert judged([offer], taking.store)["shop"].state == "planned" and not taking.store.versions("shop")
    first, second = taking.take(offer)["shop"], taking.take(offer)["shop"]
    assert (first.state, second.state) == ("done", "unchanged")
    current = taking.store.load("shop")
    assert current is not None and current.state == "issued"
    assert (current.meta["issuer"], current.meta["imported"]) == ("acme:ca", "certbot on web1")
    kept = taking.store.key(KeyRef(taking.store.identity(), "shop", current.version, current.spki_sha256))
    assert keys.spki_sha256(keys.load(kept)) == current.spki_sha256 == first.after["spki_sha256"]
    events = [(one["action"], one["step"], one["version"], one["sha256"], one["owner"]) for one in taking.events()]
    assert events == [(action, "import", current.version, current.sha256, "web") for action in ("intent", "outcome")]


def test_what_it_renews_meanwhile_follows_until_we_have_issued_one(taking: Taking) -> None:
    taking.take(taking.offer(age=9))
    assert taking.take(taking.offer(age=3))["shop"].state == "done"
    older = taking.take(taking.offer(age=6))["shop"]
    assert older.state == "deferred" and len(taking.store.versions("shop")) == 2
    taking.world.version("shop", taking.world.authority.chain("shop.example.com", age=2))
    left = taking.take(taking.offer(age=1))["shop"]
    assert left.state == "deferred" and "versions of its own" in left.message and left.next_action
    assert len(taking.store.versions("shop")) == 3


def other_key(_name: str) -> Secret:
    return keys.to_pem(keys.generate("ecdsa-p256"))


def no_key(_name: str) -> Secret:
    raise NotFoundError("there is no key")


def test_a_key_of_another_certificate_a_missing_one_and_a_broken_chain_cost_nothing_else(taking: Taking) -> None:
    for key, words in ((other_key, "does not belong"), (no_key, "there is no key"), (lambda _name: Secret(b"x"), "PEM")):
        outcome = taking.take(taking.offer(), key=key)["shop"]
        assert outcome.state == "failed" and words in outcome.message and not taking.store.versions("shop")
    broken = taking.take(taking.offer(chain_pem="-----BEGIN"), taking.offer(lineage="good"))
    assert (broken["shop"].state, broken["good"].state) == ("failed", "done")


def test_a_run_that_died_before_it_was_current_is_finished(taking: Taking, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = taking.offer()

    def dies(*_given: Any) -> None:
        raise ClmError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(type(taking.store), "promote", dies)
        assert taking.take(offer)["shop"].state == "failed"
    assert len(taking.store.versions("shop")) == 1 and taking.store.current("shop") is None
    assert taking.take(offer)["shop"].state == "done"
    assert [one.version for one in taking.store.versions("shop")] == [taking.store.current("shop")]
