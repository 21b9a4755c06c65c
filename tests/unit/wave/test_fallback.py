# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next issuer is asked only where the one before stayed silent, and where its root is trusted already."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.certops.clm.plugins.module_utils.contracts import Anchored
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError, NotFoundError, PolicyError, UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, Outcome, failed
from ansible_collections.certops.clm.plugins.plugin_utils.wave.fallback import in_turn
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import Authority

SECOND = Authority("Second Root")


class Ca:
    """An issuer whose answer is an error, or a certificate."""

    def __init__(self, error=None, root=SECOND.root):
        self.error, self.root = error, root

    def identity(self):
        return "ca"

    def anchors_pem(self):
        return self.root.public_bytes(serialization.Encoding.PEM).decode() if self.root else ""

    def begin(self, request):
        if self.error:
            raise self.error
        return "issued"

    resume = begin


class Request:
    lineage = "shop"


def ask(lineages, issuer):
    """The flow, as far as it counts here."""
    answers = issuer.begin_many([Request() for _one in lineages])
    return {one.name: failed("issue", answer) if isinstance(answer, Exception) else Outcome(DONE, "issue")
            for one, answer in zip(lineages, answers)}  # fmt: skip


def run(tmp_path, first, second=None, consumers=("internal",), **more):
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca" / "root.pem").write_bytes(SECOND.root.public_bytes(serialization.Encoding.PEM))
    whole = data()
    whole["issuers"]["second"] = {"type": "local_ca", "path": "second"}
    whole["lineages"]["shop"].update(fallback_issuers=["second"], consumers=list(consumers), **more)
    manifest = Manifest.parse(whole, str(tmp_path / "manifest.yml"))
    cas = {manifest.issuers["internal"]["path"]: first, manifest.issuers["second"]["path"]: second or Ca()}
    events = []
    found = in_turn([manifest.lineages["shop"]], manifest, lambda options: cas[options["path"]], ask, events.extend, "run")
    return found["shop"], events


class Bare:
    """An issuer that knows no anchors."""

    def identity(self):
        return "bare"

    def begin(self, request):
        return "issued"

    resume = begin


@pytest.mark.parametrize("issuer", [Ca(), Ca(root=None), Bare()])
def test_the_flow_gets_an_issuer_that_knows_its_anchors_where_the_issuer_does(tmp_path, issuer):
    """Without them the returned chain would be checked against nothing."""
    manifest = Manifest.parse(data(), str(tmp_path / "manifest.yml"))
    given = []

    def look(lineages, one):
        given.append((one.identity(), isinstance(one, Anchored), one.anchors_pem() if isinstance(one, Anchored) else None))
        return ask(lineages, one)

    in_turn([manifest.lineages["shop"]], manifest, lambda options: issuer, look, [].extend, "run")
    anchored = isinstance(issuer, Ca)
    assert given == [("ca" if anchored else "bare", anchored, issuer.anchors_pem() if anchored else None)]


@pytest.mark.parametrize("error", [UnavailableError("it is down"), NotFoundError("its key is gone")])
def test_a_silent_issuer_is_followed_by_the_next_with_the_reason(tmp_path, error):
    outcome, events = run(tmp_path, Ca(error))
    assert outcome.state == DONE and f"second was asked, because internal did not answer: {error.message}" in outcome.message
    ((action, issuer, lineage, owner),) = [(event["action"], event["issuer"], event["lineage"], event["owner"]) for event in events]
    assert (action, issuer, lineage, owner) == ("fallback", "second", "shop", "team-web") and error.message in events[0]["message"]


@pytest.mark.parametrize("error", [ConfigError("a name is wrong"), PolicyError(["not allowed"])])
def test_what_is_wrong_in_the_request_stays_wrong_elsewhere(tmp_path, error):
    outcome, events = run(tmp_path, Ca(error))
    assert outcome.state == "failed" and not events


def test_an_issuer_that_answers_is_the_only_one_asked(tmp_path):
    outcome, events = run(tmp_path, Ca(), Ca(UnavailableError("must not be asked")))
    assert outcome.state == DONE and outcome.message == "" and not events


@pytest.mark.parametrize(
    "consumers, root, said",
    [
        (("internal",), Authority("Unknown Root").root, "the client class internal does not trust its root"),
        ((), SECOND.root, "names no client class"),
        (("internal",), None, "it has no root yet"),
    ],
)
def test_a_fallback_that_clients_do_not_trust_is_not_asked(tmp_path, consumers, root, said):
    outcome, events = run(tmp_path, Ca(UnavailableError("it is down")), Ca(root=root), consumers)
    assert outcome.state == "failed" and "it is down" in outcome.message and said in outcome.message and not events


def test_when_all_are_silent_the_last_error_and_the_way_there_are_said(tmp_path):
    outcome, events = run(tmp_path, Ca(UnavailableError("it is down")), Ca(UnavailableError("this one too")))
    assert outcome.state == "failed" and "this one too" in outcome.message and "it is down" in outcome.message and len(events) == 1


@pytest.mark.parametrize(
    "field, value, said",
    [
        ("fallback_issuers", ["nobody"], "there is no issuer 'nobody'"),
        ("fallback_issuers", ["internal"], "asked already"),
        ("standby", "internal", "asked already"),
        ("standby", "nobody", "there is no issuer"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(field, value, said):
    whole = data()
    whole["lineages"]["shop"][field] = value
    with pytest.raises(ConfigError, match=said) as refused:
        Manifest.parse(whole, "/nonexistent/manifest.yml")
    assert field in refused.value.field


def test_a_standby_is_a_lineage_of_its_own_with_the_same_names_and_no_place():
    whole = data()
    whole["issuers"]["second"] = {"type": "local_ca", "path": "second"}
    whole["lineages"]["shop"]["standby"] = "second"
    with pytest.raises(ConfigError, match="consumers"):
        Manifest.parse(whole, "/nonexistent/manifest.yml")
    whole["lineages"]["shop"]["consumers"] = ["internal"]
    standby = Manifest.parse(whole, "/nonexistent/manifest.yml").lineages["shop.standby"]
    assert (standby.names, standby.issuer, standby.deployments, standby.standby_for) == (("shop.example.com",), "second", (), "shop")
