# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The row of issuers with the real issue flow, a real store and real CAs: who is asked, in which run, and that nothing is issued twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from ansible_collections.certops.clm.plugins.module_utils.contracts import Pending
from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError, UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, DONE, FAILED, PENDING
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.plugin_utils.wave.issue import issue_lineages
from ansible_collections.certops.clm.plugins.plugin_utils.wave.undeployed import issue_undeployed
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.unit.issuers import make

DOWN = UnavailableError("it is down")


class Ca:
    """A CA that is what the test says: away (an error), slow, or there; it counts what it was asked."""

    def __init__(self, ca):
        self.ca, self.error, self.slow, self.begun, self.resumed = ca, None, False, 0, 0

    def identity(self):
        return self.ca.identity()

    def anchors_pem(self):
        return self.ca.anchors_pem()

    def _answer(self, answer):
        if self.error:
            raise self.error
        return Pending("ref", who_must_act="the desk") if self.slow else answer()

    def begin(self, request):
        self.begun += 1
        return self._answer(lambda: self.ca.begin(request))

    def resume(self, ref, request):
        self.resumed += 1
        return self._answer(lambda: pytest.fail("it never answers"))


class Estate:
    """Two or three CAs in a row for the lineage shop, and for blog beside it."""

    def __init__(self, folder, *fallbacks, **shop):
        self.folder = folder
        whole = data(**{name: {"names": [f"{name}.example.com"], "deployments": []} for name in ("shop", "blog")})
        names = ("internal", "second", "third")
        self.cas = {name: Ca(make.local_ca(folder / name)) for name in names}
        whole["issuers"] = {name: {"type": "local_ca", "path": name} for name in names}
        (folder / "anchors.pem").write_text("".join(ca.anchors_pem() for name, ca in self.cas.items() if name != "third"))
        whole["client_classes"] = {"internal": {"anchors": "anchors.pem"}}
        for one in whole["lineages"].values():
            one.update(consumers=["internal"], fallback_issuers=list(fallbacks or ("second",)))
        whole["lineages"]["shop"].update(shop)
        (folder / "manifest.yml").write_text(yaml.safe_dump(whole))
        self.manifest = load(str(folder / "manifest.yml"))
        self.store = DirectoryStore(str(folder / "store"), clock=lambda: make.NOW, owner="tests")
        self.events = []
        self.refuses = None

    def append(self, events):
        """The ledger."""
        if self.refuses and events[0]["action"] == self.refuses:
            raise UnavailableError("the ledger is full", hint="make room")
        self.events.extend(events)

    def opened(self, options):
        return self.cas[options["path"].rpartition("/")[2]]

    def run(self, *names, issue=issue_lineages, **more):
        how = {"store": self.store, "open_issuer": self.opened, "ledger": self, "clock": lambda: make.NOW, "run_id": "r", **more}
        lineages = [self.manifest.lineages[name] for name in names or ("shop",)]
        return issue(lineages, self.manifest, {}, **how) if issue is issue_lineages else issue(lineages, self.manifest, **how)

    def asked(self):
        return [(event["lineage"], event["issuer"]) for event in self.events if event["action"] == "fallback"]


@pytest.fixture
def estate(tmp_path):
    return Estate(tmp_path)


def test_an_issuer_that_falls_silent_after_it_took_the_request_is_followed_by_the_next(estate):
    first, second = estate.cas["internal"], estate.cas["second"]
    first.slow = True
    assert estate.run()["shop"].state == PENDING and estate.asked() == []
    assert estate.run()["shop"].message.startswith("the CA has not answered yet") and second.begun == 0, "waiting is an answer"
    first.error = DOWN
    outcome = estate.run()["shop"]
    assert outcome.state == DONE and outcome.after["issuer"] == second.identity() and first.resumed == 2
    assert "second was asked, because internal did not answer: it is down" in outcome.message
    (event,) = [event for event in estate.events if event["action"] == "fallback"]
    assert (event["lineage"], event["issuer"]) == ("shop", "second") and "internal did not answer: it is down" in event["message"]


def test_an_issuer_that_limits_its_rate_is_followed_by_the_next_and_deferred_where_there_is_none(estate):
    first, second = estate.cas["internal"], estate.cas["second"]
    estate.run("shop", "blog")
    for name, lineage in estate.manifest.lineages.items():
        estate.manifest.lineages[name] = replace(lineage, forced="drill", fallback_issuers=("second",) if name == "shop" else ())
    first.error = UnavailableError("429: too many certificates", retry_after=600)
    found = estate.run("shop", "blog")
    assert (found["shop"].state, found["blog"].state, second.begun) == (DONE, DEFERRED, 1)
    assert "internal did not answer: 429: too many certificates" in found["shop"].message


def test_a_fallback_that_waits_is_asked_again_where_it_left_off(estate):
    first, second = estate.cas["internal"], estate.cas["second"]
    first.error, second.slow = DOWN, True
    assert [estate.run()["shop"].state for _run in range(2)] == [PENDING, "unchanged"]
    assert (second.begun, second.resumed) == (1, 1) and len(estate.store.versions("shop")) == 2


def test_what_the_next_one_issued_in_a_run_beside_this_one_is_not_issued_again(estate):
    """This run was planned before the other one ended, and its issuer answers again by now."""
    first = estate.cas["internal"]
    first.error = DOWN
    done = estate.run(promote=False)["shop"]
    first.error = None
    again = estate.run(promote=False)["shop"]
    assert (again.state, again.after["sha256"], first.begun) == ("unchanged", done.after["sha256"], 1)
    assert estate.run()["shop"].after["sha256"] == done.after["sha256"] and estate.run()["shop"].state == "unchanged"
    assert first.begun == 1


def test_one_in_the_middle_that_clients_do_not_trust_does_not_keep_the_last_from_being_asked(tmp_path):
    estate = Estate(tmp_path, "third", "second")
    estate.cas["internal"].error = DOWN
    outcome = estate.run()["shop"]
    assert outcome.state == DONE and estate.cas["third"].begun == 0 and estate.asked() == [("shop", "second")]
    assert "it is down" in outcome.message and "does not trust its root" in outcome.message and "third" in outcome.message


def test_where_none_is_left_all_of_it_is_said_with_what_to_do(tmp_path):
    estate = Estate(tmp_path, "third")
    estate.cas["internal"].error = DOWN
    outcome = estate.run()["shop"]
    assert outcome.state == FAILED and "it is down" in outcome.message and "third was not asked" in outcome.message
    assert "certops.clm.rotate" in outcome.next_action and "third" in outcome.next_action


def test_a_store_that_cannot_be_read_is_no_silence_of_the_issuer(estate):
    class Damaged(DirectoryStore):
        def load(self, lineage, version=None):
            raise MalformedError("the version is damaged") if self.malformed else UnavailableError("the store is away")

    for malformed in (True, False):
        estate.store = Damaged(str(estate.folder / "store"), clock=lambda: make.NOW, owner="tests")
        estate.store.malformed = malformed
        outcome = estate.run()["shop"]
        assert outcome.state == FAILED and "runbook_store" in outcome.runbook_page
    assert estate.asked() == [] and estate.cas["second"].begun == 0


def test_a_ledger_that_cannot_take_the_reason_costs_only_what_was_not_asked_yet(estate):
    class Half(Ca):
        def begin(self, request):
            self.error = DOWN if request.lineage == "shop" else None
            return super().begin(request)

    estate.cas["internal"] = Half(estate.cas["internal"].ca)
    estate.refuses = "fallback"
    found = estate.run("shop", "blog")
    assert (found["blog"].state, found["shop"].state) == (DONE, FAILED)
    assert "it is down" in found["shop"].message and "the ledger is full" in found["shop"].message
    assert found["shop"].next_action == "make room" and "runbook_ledger" in found["shop"].runbook_page
    assert estate.cas["second"].begun == 0


def test_of_several_roots_of_an_issuer_all_must_be_trusted_since_nobody_knows_which_it_will_be(estate):
    second, third = estate.cas["second"], estate.cas["third"]
    second.anchors_pem = lambda: second.ca.anchors_pem() + third.ca.anchors_pem()
    estate.cas["internal"].error = DOWN
    outcome = estate.run()["shop"]
    assert outcome.state == FAILED and "the client class internal does not trust its root" in outcome.message and second.begun == 0


def test_an_intermediate_beside_its_root_asks_for_no_trust_of_its_own(estate):
    second = estate.cas["second"]
    second.anchors_pem = lambda: second.ca.anchors_pem() + (estate.folder / "second" / "intermediate.pem").read_text()
    estate.cas["internal"].error = DOWN
    assert estate.run()["shop"].state == DONE


@pytest.mark.parametrize(("standby", "state"), [("second", DONE), ("third", FAILED)])
def test_a_standby_is_issued_only_where_its_clients_trust_its_root(tmp_path, standby, state):
    estate = Estate(tmp_path, "second", standby=standby)
    outcome = estate.run("shop.standby", "blog", issue=issue_undeployed)["shop.standby"]
    assert outcome.state == state and estate.cas[standby].begun == (1 if state == DONE else 0)
    if state == FAILED:
        assert "the client class internal does not trust its root" in outcome.message and "third" in outcome.message
        assert "certops.clm.rotate" in outcome.next_action and "runbook_issuer" in outcome.as_dict()["runbook_page"]
    assert estate.store.current("blog"), "and what is beside it is issued"
