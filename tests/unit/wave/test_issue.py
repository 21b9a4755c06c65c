# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuing for a wave: each lineage once, a key of a server never here, and what every lead has to deploy."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.ledger import NullLedger
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave import issue as wave
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World

REASON = {"word": "expiring", "sentence": "soon"}


def item(lineage, lead, server="web1", **more):
    known = {
        "lineage": lineage, "lead": lead, "server": server, "issue": REASON, "deploy": None, "before": {"sha256": "old"},
        "deployment": {"id": lead}, "wanted_version": "",
    }  # fmt: skip
    return {**known, **more}


def plan(items, key_origin="store", refused=None):
    lineages = {one["lineage"]: {"key_origin": key_origin, "dead": ["d" * 64]} for one in items.values()}
    return {"run_id": "r1", "items": items, "lineages": lineages, "refused": refused or {}}


class Asked:
    """An issuer that refuses, and remembers what it was asked for."""

    def __init__(self):
        self.requests = []

    def identity(self):
        return "asked"

    def begin(self, request):
        self.requests.append(request)
        raise ClmError("the CA is closed")

    resume = begin


def issued(tmp_path, found, planned, requests=None):
    issuer = Asked()
    world = World(tmp_path)
    outcomes = wave.issue(
        planned, found, requests or {}, store=world.store, open_issuer=lambda options: issuer, ledger=NullLedger(), clock=lambda: NOW
    )
    return outcomes, issuer, world.store


def manifest(**shop):
    return Manifest.parse(data(shop={"names": ["shop.example.com"], "deployments": [deployment()], **shop}), "/etc/clm/manifest.yml")


def test_a_lineage_of_several_hosts_is_asked_for_once(tmp_path):
    outcomes, issuer, _store = issued(tmp_path, manifest(), plan({"a": item("shop", "a"), "b": item("shop", "a")}))
    assert [one.lineage for one in issuer.requests] == ["shop"] and list(outcomes) == ["shop"]
    assert outcomes["shop"].state == "failed" and "the CA is closed" in outcomes["shop"].message


def test_nothing_is_asked_for_without_a_reason(tmp_path):
    outcomes, issuer, _store = issued(tmp_path, manifest(), plan({"a": item("shop", "a", issue=None)}))
    assert (outcomes, issuer.requests) == ({}, [])


def test_a_key_that_its_server_did_not_make_is_not_made_here(tmp_path):
    planned = plan({"a": item("shop", "a")}, key_origin="host")
    requests = wave.requests_of(planned, {"a": {"unreachable": True, "msg": "no route"}})
    outcomes, issuer, store = issued(tmp_path, manifest(key_origin="host"), planned, requests)
    assert (outcomes["shop"].state, outcomes["shop"].step) == ("failed", "request") and "no route" in outcomes["shop"].message
    assert issuer.requests == [] and store.versions("shop") == []


MADE = {"outcomes": {"a": Outcome("done", "request").as_dict()}, "requests": {"a": {"csr_pem": "CSR"}}}


def test_a_request_of_its_server_is_taken():
    assert wave.requests_of(plan({"a": item("shop", "a")}, "host"), {"a": MADE}) == {"shop": {"csr_pem": "CSR"}}


@pytest.mark.parametrize(
    "result",
    [
        None, {}, "text", [], {"requests": []}, {"requests": {"a": "text"}}, {"requests": {"a": {"csr_pem": 7}}}, {"outcomes": {}},
        {"requests": {"a": {"csr_pem": "CSR"}}}, {**MADE, "requests": {"b": {"csr_pem": "CSR"}}}, {**MADE, "requests": {}},
    ],
)  # fmt: skip
def test_what_is_no_request_is_a_problem_of_that_lineage_only(result):
    planned = plan({"a": item("shop", "a"), "c": item("blog", "c", server="web2")}, "host")
    good = {"outcomes": {"c": Outcome("unchanged", "request").as_dict()}, "requests": {"c": {"csr_pem": "C"}}}
    found = wave.requests_of(planned, {"a": result, "c": good})
    assert found["shop"]["problem"] and found["blog"] == {"csr_pem": "C"}


def test_a_server_cannot_speak_for_another_one_nor_for_a_key_of_the_store():
    planned = plan({"a": item("shop", "a"), "c": item("blog", "c", server="web2")}, "host")
    done = MADE["outcomes"]["a"]
    both = {"outcomes": {"a": done, "c": done}, "requests": {"a": {"csr_pem": "A"}, "c": {"csr_pem": "A"}}}
    assert "problem" in wave.requests_of(planned, {"a": both, "c": {}})["blog"]
    assert wave.requests_of(plan({"a": item("shop", "a")}), {"a": MADE}) == {}


def test_a_request_that_is_only_planned_is_no_problem():
    answer = {"outcomes": {"a": Outcome("planned", "request").as_dict()}, "requests": {}}
    assert wave.requests_of(plan({"a": item("shop", "a")}, "host"), {"a": answer}) == {}


VERSION = {"version": "000001-aaaaaaaa", "sha256": "n" * 64}


@pytest.mark.parametrize(
    ("outcome", "versions", "state"),
    [
        (Outcome("done", "issue"), {"shop": VERSION}, "done"),
        (Outcome("failed", "issue"), {"shop": VERSION}, "failed"),
        (Outcome("pending", "issue"), {}, "pending"),
        (Outcome("unchanged", "issue", after={"version": "000001-aaaaaaaa"}), {}, "pending"),
        (Outcome("planned", "issue"), {}, "planned"),
        (Outcome("unchanged", "issue"), {}, "failed"),
        (None, {"shop": VERSION}, "unchanged"),
        (None, {}, "failed"),
    ],
)
def test_what_became_of_a_host_whose_lineage(outcome, versions, state):
    planned = plan({"a": item("shop", "a")})
    found = wave.by_host(planned, {"shop": outcome} if outcome else {}, versions)
    assert found["a"]["state"] == state


def test_why_the_plan_refused_a_host_is_not_lost():
    refused = Outcome("failed", "plan", message="nobody knows it").as_dict()
    assert wave.by_host(plan({}, refused={"x": refused}), {}, {}) == {"x": refused}


def test_leads_deploy_what_is_good_on_their_servers():
    planned = plan({"a": item("shop", "a"), "b": item("shop", "a", deployment={"id": "b"}), "cloud": item("shop", "", server="")})
    good = {host: Outcome("done", "issue").as_dict() for host in planned["items"]}
    good["b"]["state"] = "failed"
    work = wave.work_of(planned, good, {"shop": VERSION})
    assert work == {"a": [{"id": "a", "version": VERSION, "key_origin": "store", "dead": ["d" * 64]}]}


def test_a_version_is_handed_on_without_its_key(tmp_path):
    world = World(tmp_path)
    name = world.version("shop", world.authority.chain("shop.example.com"))
    found = wave.version_of(world.store, "shop", name)
    assert set(found) == {"lineage", "version", "request_id", "state", "sha256", "spki_sha256", "chain_pem"} and "PRIVATE" not in str(found)
    assert wave.version_of(world.store, "shop", "") is None and wave.version_of(world.store, "shop", "000009-aaaaaaaa") is None
