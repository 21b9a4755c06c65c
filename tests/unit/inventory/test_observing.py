# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking and keeping: what the controller saw, what a host saw for it, and what nobody saw."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.probe import ANSWERED, COULD_NOT_LOOK, Observation
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils.observing import observe, outcomes
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import NOW, Authority, finding

AT = "web1.example.com|8443|shop.example.com|none"
ENDPOINT = {"host": "web1.example.com", "port": 8443, "server_name": "shop.example.com", "starttls": "none", "addresses": []}
CHAIN = Authority().chain("shop.example.com")
LEAF = Certificate.from_pem(CHAIN[0])


def seen(endpoint):
    return [Observation(endpoint, "192.0.2.1", ANSWERED, (LEAF.der,), 1, LEAF.sha256)]


def unseen(endpoint):
    return [Observation(endpoint, "192.0.2.1", COULD_NOT_LOOK, error="no connection")]


def look(results, how=seen):
    manifest = Manifest.parse(data(), "/srv/manifest.yml")
    return observe(manifest, results, lambda endpoints: [how(endpoint) for endpoint in endpoints], lambda: NOW)


def answer(**more):
    return {"findings": [], "served": [], "errors": [], **more}


def test_what_the_controller_saw_comes_back_as_it_was():
    found = Observations.parse(look({"web1": answer(findings=[finding("/a.pem", CHAIN)])}))
    (row,) = found.endpoints[AT]
    assert (row.answer, row.sha256, row.chain_pem[0], row.whole) == (ANSWERED, LEAF.sha256, CHAIN[0], True)
    assert found.servers["web1"].findings[0]["where"]["certificate_file"] == "/a.pem"
    assert found.taken_at == NOW
    assert found.blind_at() == []


def test_a_host_looks_where_the_controller_cannot():
    row = {"endpoint": ENDPOINT, "address": "127.0.0.1", "answer": ANSWERED, "sha256": LEAF.sha256, "chain_pem": CHAIN[:1], "detail": ""}
    found = look({"web1": answer(served=[row])}, unseen)
    assert found["endpoints"][AT]["from"] == "web1"
    (parsed,) = Observations.parse(found).endpoints[AT]
    assert (parsed.sha256, parsed.whole) == (LEAF.sha256, False)


@pytest.mark.parametrize(
    ("says", "count", "whole"), [({"whole": True}, 1, True), ({"whole": False}, 1, False), ({}, 1, False), ({}, 2, True)]
)
def test_a_host_says_whether_it_saw_the_whole_chain_and_old_files_do_not(says, count, whole):
    """Without the word more than one certificate is a chain, as it was when the file was written."""
    row = {"endpoint": ENDPOINT, "address": "127.0.0.1", "answer": ANSWERED, "sha256": LEAF.sha256, "chain_pem": CHAIN[:count], **says}
    data = look({"web1": answer(served=[row])}, unseen)
    (kept,) = data["endpoints"][AT]["observations"]
    assert Observations.parse(data).endpoints[AT][0].whole is whole is kept.pop("whole")
    kept.update(says)
    assert Observations.parse(data).endpoints[AT][0].whole is whole, "a file of before"


def test_the_controllers_own_look_wins():
    row = {"endpoint": ENDPOINT, "address": "127.0.0.1", "answer": ANSWERED, "sha256": "0" * 64, "chain_pem": [], "detail": ""}
    assert look({"web1": answer(served=[row])})["endpoints"][AT]["from"] == "controller"


def test_a_host_that_could_not_look_either_changes_nothing():
    row = {"endpoint": ENDPOINT, "address": "127.0.0.1", "answer": COULD_NOT_LOOK, "detail": "refused"}
    found = look({"web1": answer(served=[row, {"endpoint": "garbage"}, {}])}, unseen)
    assert found["endpoints"][AT]["from"] == "controller"


def test_every_way_of_not_seeing_a_server_is_said():
    for result, words in (
        (None, "was not asked"),
        ({"unreachable": True, "msg": "no route\nto host"}, "not reached: no route to host"),
        ({"failed": True, "msg": "no python"}, "could not tell: no python"),
        ({"skipped": True}, "the task was skipped"),
        (answer(errors=["nginx: it does not start"]), "nginx: it does not start"),
    ):
        (sentence,) = Observations.parse(look({"web1": result})).blind_at()
        assert sentence.startswith("web1: ")
        assert words in sentence


def test_a_server_beyond_the_manifest_is_kept_too():
    assert look({"web1": answer(), "web9": answer(findings=[finding("/x.pem", CHAIN)])})["servers"]["web9"]["reached"]


def test_the_outcomes_name_what_was_not_seen():
    found = outcomes(look({"web1": answer()}, unseen))
    assert (found["web1"].state, found[AT].state) == ("unchanged", "unproven")
    assert "no connection" in found[AT].message
    assert found[AT].next_action
