# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of trust stores over one in memory: what is in doubt, what is read back, and in which order it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, List, Optional

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import HeldList, RevocationLists, Trusted, TrustStore
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.flows.trust import converge
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.revocation_list import RevocationList
from ansible_collections.certops.clm.tests.lab.anchors import revocation_list, sha256_of, write_anchors
from ansible_collections.certops.clm.tests.lab.ca import pem_of


@dataclass
class Memory:
    """A trust store that notes what is done to it. `lies`: what it holds whatever is written."""

    trusted: Optional[Trusted] = None
    lies: Optional[Trusted] = None
    key_types: Any = ()
    held: List[HeldList] = field(default_factory=list)
    done: List[str] = field(default_factory=list)
    breaks: bool = False

    def identity(self) -> str:
        return "memory"

    def read(self) -> Optional[Trusted]:
        return self.trusted

    def write(self, bundle_pem: str, before: Optional[Trusted]) -> None:
        self.done.append("write")
        if self.breaks:
            raise UnavailableError("the other side did not answer", hint="run again")
        self.trusted = self.lies or Trusted(bundle_pem, "ref")

    def lists(self, trusted: Trusted) -> List[HeldList]:
        return list(self.held)

    def add_list(self, trusted: Trusted, list_pem: str) -> None:
        self.done.append("add")
        self.held.append(HeldList(str(len(self.done) + 100), RevocationList.parse(list_pem.encode()).der))

    def remove_lists(self, trusted: Trusted, refs: List[str]) -> None:
        self.done.append(f"remove {len(refs)}")
        self.held = [one for one in self.held if one.ref not in refs]


class Anchors:
    """Files of anchors, and tasks over them."""

    def __init__(self, folder: Any) -> None:
        self.folder, self.cas = folder, write_anchors(folder)

    def pem(self, *names: str) -> str:
        return Bundle.parse("".join(pem_of(self.cas[name][1]) for name in names)).pem

    def run(self, store: Any, *names: str, state: str = "present", **more: Any) -> Any:
        params = {"state": state, "anchors": [str(self.folder / f"{name}.pem") for name in names] or None, "sha256": None, **more}
        answer = converge(params, store=store, clock=utc_now, check_mode=False)
        return answer["memory"], answer.more["remarks"]


@pytest.fixture
def anchors(tmp_path):
    return Anchors(tmp_path)


def test_a_store_in_doubt_is_left_alone_unless_all_of_it_may_be_replaced(anchors):
    store = Memory(Trusted("", "ref", doubt="somebody else wrote it"))
    assert isinstance(store, TrustStore) and isinstance(store, RevocationLists)
    for more in ({}, {"state": "added", "replace_unknown": True}):
        outcome, _remarks = anchors.run(store, "one", **more)
        assert outcome.state == "failed" and "somebody else wrote it; so nothing was changed" in outcome.message and not store.done
    assert anchors.run(store, "one", replace_unknown=True)[0].state == "done" and store.trusted.bundle_pem == anchors.pem("one")


def test_what_cannot_be_read_there_is_not_lost_by_adding_to_it(anchors):
    broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    for held in (broken, anchors.pem("one") + broken, "-----BEGIN CERTIFICATE-----\n"):
        store = Memory(Trusted(held, "ref"))
        outcome, _remarks = anchors.run(store, "two", state="added")
        assert outcome.state == "failed" and "cannot be read" in outcome.message and not store.done, outcome


def test_an_anchor_that_is_expired_there_stays_by_adding_and_can_be_removed(anchors):
    store = Memory(Trusted(anchors.pem("expired", "one"), "ref", remarks=("the other side complains",)))
    outcome, remarks = anchors.run(store, "two", state="added")
    assert outcome.state == "done" and store.trusted.bundle_pem == anchors.pem("expired", "one", "two")
    assert [one for one in remarks if "lab expired" in one] and "the other side complains" not in remarks, "that was before"
    outcome, _remarks = anchors.run(store, state="removed", sha256=[sha256_of(anchors.cas["expired"])])
    assert outcome.state == "done" and store.trusted.bundle_pem == anchors.pem("one", "two")


def test_what_is_read_back_counts_and_a_write_that_failed_is_told(anchors):
    outcome, _remarks = anchors.run(Memory(lies=Trusted(anchors.pem("two"), "ref")), "one")
    assert outcome.state == "failed" and "now holds something else" in outcome.message and "lab two" in outcome.message
    outcome, _remarks = anchors.run(Memory(breaks=True), "one")
    assert (outcome.state, outcome.step, outcome.next_action) == ("failed", "write", "run again")


def test_new_lists_come_before_old_ones_go_and_double_ones_go(anchors):
    for name, serials in (("old", [1]), ("new", [1, 2])):
        (anchors.folder / f"{name}.crl").write_text(revocation_list(anchors.cas["one"], serials))
    store, lists = Memory(), [str(anchors.folder / "old.crl")]
    assert anchors.run(store, "one", revocation_lists=lists)[0].state == "done" and store.done == ["write", "add"]
    store.held.append(HeldList("double", store.held[0].der))
    assert anchors.run(store, "one", revocation_lists=lists)[0].state == "done" and store.done[2:] == ["remove 1"] and len(store.held) == 1
    outcome, _remarks = anchors.run(store, "one", revocation_lists=[str(anchors.folder / "new.crl")])
    assert outcome.state == "done" and store.done[3:] == ["add", "remove 1"]
    assert [row["revoked"] for row in outcome.after["revocation_lists"]] == [2]
    assert anchors.run(store, "one")[0].state == "unchanged" and len(store.held) == 1


def test_a_list_of_an_anchor_that_is_to_go_is_refused(anchors):
    (anchors.folder / "one.crl").write_text(revocation_list(anchors.cas["one"], [1]))
    store = Memory(Trusted(anchors.pem("one"), "ref"))
    outcome, _remarks = anchors.run(store, "two", revocation_lists=[str(anchors.folder / "one.crl")])
    assert outcome.state == "failed" and "none of the anchors issued" in outcome.message and not store.done


def test_keys_that_are_not_taken_are_named_with_those_that_are(anchors):
    outcome, _remarks = anchors.run(Memory(key_types=("ecdsa-p256",)), "one", "ed25519")
    assert outcome.state == "failed" and "lab ed25519" in outcome.message and "only ecdsa-p256 are taken" in outcome.message
