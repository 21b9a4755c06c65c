# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers are asked to look at, and what is made of answers that may be anything."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import NOT_SERVED
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.probe import COULD_NOT_LOOK, Endpoint, Observation
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import Looker
from ansible_collections.certops.clm.plugins.plugin_utils.wave.server_looks import asks, observations, with_server_looks
from ansible_collections.certops.clm.plugins.plugin_utils.wave.settle import decide
from ansible_collections.certops.clm.tests.lab.ca import TestCA

CA = TestCA()
NEW, OLD = (CA.issue(["shop.example.com"]) for _time in range(2))
ENDPOINTS = [{"host": "shop.example.com", "port": 443}, {"host": "10.0.0.1", "port": 444, "server_name": "shop.example.com"}]
VERSIONS = {"shop": {"sha256": NEW.sha256}}
UNPROVEN = {**Outcome("unproven", "prove", message="Could not look.", next_action="x").as_dict(), "after": {"swapped": True}}
SEEN = {Endpoint.from_dict(one).key: [Observation(Endpoint.from_dict(one), "", COULD_NOT_LOOK)] for one in ENDPOINTS}


def plan(endpoints=ENDPOINTS, server="web1", slot="default"):
    item = {"lineage": "shop", "server": server, "lead": "a", "deployment": {"endpoints": endpoints, "slot": slot}}
    return {"items": {"a": item}}


def answer(*pems, **more):
    return {"address": "10.0.0.1", "answer": "answered", "sha256": "what it says", "chain_pem": list(pems), "sent": len(pems), **more}


WHOLE = answer(NEW.leaf_pem, pem.encode(pem.CERTIFICATE, pem.split(NEW.fullchain)[1].der))
BLIND = answer(answer="could_not_look", detail="only the\x1b[31m leaf\n{{ 7 }}; install")


def judged(*rows, seen=SEEN, result=None, when=None, endpoints=ENDPOINTS):
    """The outcome after the server said that of its endpoints, in order."""
    wave = plan(endpoints)
    asked = asks(wave, VERSIONS, {"a": UNPROVEN}, seen)
    looked = {"a": {"looks": {row["id"]: found for row, found in zip(asked["a"], rows)}} if result is None else result}
    clock = when or datetime.now(timezone.utc)
    looker = Looker(wave, VERSIONS, {"shop": {"internal": Bundle.parse(CA.root_pem)}}, lambda given: [], lambda: clock)
    return with_server_looks(wave, {"a": UNPROVEN}, asked, looked, looker.judge)["a"]


def test_asked_is_for_what_the_controller_could_not_see_and_nothing_else():
    asked = asks(plan(slot="blue"), VERSIONS, {"a": UNPROVEN}, SEEN)
    assert [row["id"] for row in asked["a"]] == ["a/0", "a/1"] and asked["a"][1]["server_name"] == "shop.example.com"
    assert {(row["sha256"], row["slot"]) for row in asked["a"]} == {(NEW.sha256, "default")}
    assert [row["id"] for row in asks(plan(), VERSIONS, {"a": UNPROVEN}, dict(list(SEEN.items())[1:]))["a"]] == ["a/1"]
    for state, step in (("failed", "prove"), ("done", "soak"), ("unproven", "deploy")):
        assert not asks(plan(), VERSIONS, {"a": Outcome(state, step).as_dict()}, SEEN)
    assert not asks(plan(server=""), VERSIONS, {"a": UNPROVEN}, SEEN) and not asks(plan(), VERSIONS, {"a": UNPROVEN}, {})


def test_a_whole_chain_that_its_server_saw_is_a_proof_that_says_where_it_was_made():
    after = judged([WHOLE], [WHOLE])
    assert after["state"] == "done" and after["step"] == "prove" and not after["next_action"]
    assert "Proven from the server web1 itself" in after["message"] and "Could not look." in after["message"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([answer(NEW.leaf_pem)], "cannot verify it with the 1 certificates sent"),
        ([answer(*WHOLE["chain_pem"][::-1])], "serves another certificate"),
        ([answer(OLD.leaf_pem, WHOLE["chain_pem"][1], sha256=NEW.sha256)], "serves another certificate"),
        ([WHOLE, answer(NEW.leaf_pem, address="10.0.0.2")], "with the 1 certificates sent"),
        ([{**WHOLE, "sent": 17}], "sends 17 certificates"),
        ([BLIND, answer(NEW.leaf_pem)], "with the 1 certificates sent"),
    ],
)
def test_what_is_wrong_is_put_back_as_though_the_controller_had_seen_it(rows, says):
    after = judged([WHOLE], rows)
    assert after["state"] == "failed" and after["message"].startswith("Seen from the server web1 itself: ") and says in after["message"]
    assert decide({"a": after}, {}, gated=False)[2] == ["a"]


def test_a_name_that_is_wrong_and_a_date():
    one = {"host": "other.example.com", "port": 443}
    endpoint = Endpoint.from_dict(one)
    after = judged([WHOLE], endpoints=[one], seen={endpoint.key: [Observation(endpoint, "", COULD_NOT_LOOK)]})
    assert "is not for other.example.com" in after["message"]
    assert "expired" in judged([WHOLE], [WHOLE], when=datetime(2199, 1, 1, tzinfo=timezone.utc))["message"]


@pytest.mark.parametrize(
    "rows",
    [
        [], None, "text", {"a": 1}, [7], [BLIND], [answer()], [answer("no PEM")], [answer(7)],
        [{**WHOLE, "chain_pem": 7}], [{**WHOLE, "chain_pem": None}], [{**WHOLE, "answer": ["answered"]}],
        [answer(NEW.key_pem)], [WHOLE, BLIND], [answer(CA.root_pem[:-40])],
    ],
)  # fmt: skip
def test_an_answer_that_says_nothing_leaves_it_unproven_and_puts_nothing_back(rows):
    after = judged([WHOLE], rows)
    assert (after["state"], after["step"]) == ("unproven", "prove") and decide({"a": after}, {}, gated=False)[1:] == ([], [])
    assert "from the server web1 itself either" in after["message"] and "it proves and commits" in after["next_action"]
    assert "\x1b" not in after["message"] and "\n" not in after["message"] and "PRIVATE" not in after["message"]


@pytest.mark.parametrize("result", [{}, {"unreachable": True, "msg": "no route"}, {"looks": "x"}, {"failed": True, "msg": "boom"}, 7])
def test_a_server_that_did_not_answer(result):
    after = judged(result=result)
    assert after["state"] == "unproven" and "left no answer" in after["message"]


def test_every_address_that_was_asked_for_is_answered_for():
    endpoint = Endpoint("h", 443, addresses=("10.0.0.1", "10.0.0.2"))
    found = observations(endpoint, {"looks": {"a/0": [WHOLE] * 50}}, "a/0")
    assert len(found) == 33 and (found[-1].address, found[-1].answer) == ("10.0.0.2", COULD_NOT_LOOK)
    many = observations(endpoint, {"looks": {"a/0": [answer(*[NEW.leaf_pem] * 100)]}}, "a/0")[0]
    assert len(many.chain_der) == 16 and many.sent == 100


def test_outcomes_of_others_stay_as_they_are():
    good = Outcome("done", "prove").as_dict()
    assert with_server_looks(plan(), {"a": good}, {}, {}, lambda *given: pytest.fail(NOT_SERVED)) == {"a": good}
