# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints that nobody saw although their servers answered: which of them a look is blind for."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.action.look_judge import _judge
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.plugin_utils.part import WHOLE, Part
from ansible_collections.certops.clm.plugins.plugin_utils.unseen import unseen
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import World, finding

FILE = "/etc/tls/shop.pem"
AT = "web{}.example.com|8443|shop.example.com|none"


@pytest.fixture
def world(tmp_path):
    """Both servers answered and have the certificate in their files; what web2 serves could not be seen."""
    places = [deployment(f"web{number}") for number in (1, 2)]
    made = World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": places}))
    chain = made.authority.chain("shop.example.com")
    made.chain = chain
    made.server("web1", finding(FILE, chain))
    made.server("web2", finding(FILE, chain))
    made.serve(AT.format(1), chain)
    made.serve(AT.format(2), answer="could_not_look", error="the connection was refused")
    return made


def judged(world, part=WHOLE, **args):
    known = {"sources": {}, "blind": [], "unknown_servers": [], "least_share": 0.5, "accept_fewer": ["counts"], "ending": []}
    return _judge({"manifest": str(world.save()), **known, **args}, part, False)["not_seen"]


def test_an_endpoint_of_a_known_lineage_that_nobody_saw_is_named_with_its_error_although_its_server_answered(world):
    world.version("shop", world.chain)
    (said,) = judged(world)
    assert said.startswith("shop-web2-") and said.endswith(": web2.example.com:8443 (shop.example.com): the connection was refused")
    world.serve(AT.format(2), world.chain)
    assert judged(world) == []


@pytest.mark.parametrize(("state", "lost"), [("proven", True), ("rejected", True), ("issued", False)])
def test_a_first_look_after_a_rotation_is_none(world, state, lost):
    world.serve(AT.format(2), world.chain)
    world.version("shop", world.chain, state=state)
    said = judged(world, accept_fewer=[])
    assert ["observations.counts.json is not there, though shop was rotated before" in one for one in said] == [True] * lost


def test_one_that_was_only_issued_so_far_is_known_too(world):
    world.version("shop", world.chain, state="issued", promote=False)
    assert len(judged(world)) == 1


def test_a_lineage_that_was_never_issued_is_due_and_may_be_served_nowhere_yet(world):
    assert judged(world) == []


def test_nobody_misses_what_is_about_to_end_and_a_part_does_not_judge_what_it_did_not_ask(world):
    world.version("shop", world.chain)
    assert judged(world, ending=["shop"]) == []
    world.servers["web2"]["kept_from"] = "2026-11-01T00:00:00Z"
    assert judged(world, Part("web1")) == []


def test_what_the_store_cannot_tell_about_is_not_taken_for_new(world):
    world.version("shop", world.chain)
    (version,) = world.folder.glob("store/lineages/shop/versions/*/version.json")
    version.write_text("{")
    assert len(judged(world)) == 1


@pytest.mark.parametrize(("rows", "why"), [
    ([("answered", True), ("could_not_look", False)], "no route"),
    ([("answered", False)], "no route"),
    ([("refused", False)], ""),
    ([], "nobody has looked yet"),
])  # fmt: skip
def test_each_address_counts_and_one_that_refuses_was_seen(world, rows, why):
    seen = [{"answer": answer, "chain_pem": world.chain if chain else [], "error": "no route"} for answer, chain in rows]
    world.endpoints[AT.format(2)] = {"observations": seen, "from": "controller"}
    found = list(unseen(load(str(world.save())).deployments, Observations.parse(world.observations)))
    assert [text.rpartition(": ")[2] for _deployment, text in found] == ([why] if why else [])


def test_what_cannot_be_read_was_not_seen(world):
    world.endpoints[AT.format(2)] = {"observations": [{"answer": "answered", "chain_pem": ["rubbish"]}], "from": "controller"}
    ((_deployment, text),) = unseen(load(str(world.save())).deployments, Observations.parse(world.observations))
    assert text.endswith("what it sent cannot be read")
