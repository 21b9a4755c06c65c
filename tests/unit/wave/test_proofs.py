# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs on web servers in a wave: which lead publishes what where, what failed for whom, and what is gone on with."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, FAILED, PENDING, Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave import proofs
from ansible_collections.certops.clm.tests.support.manifests import data, deployment

KNOWN = {"web1", "web2", "web3", "lb1"}
PLAN = {
    "hosts": ["d1", "d2"],
    "refused": {"d9": {}},
    "items": {
        "d1": {"lineage": "shop", "server": "web1", "lead": "d1"},
        "d2": {"lineage": "blog", "server": "web2", "lead": "d2"},
    },
}


def proof(token, hosts=(), roots=None):
    return {"name": "a.example", "hosts": list(hosts), "root": "/www", "roots": roots or {}, "file": token, "content": f"{token}.x"}


def pending(*challenges, withdraw=()):
    return Outcome(PENDING, "issue", after={"challenges": list(challenges), "withdraw": [*withdraw, *challenges]})


def row(host, *tokens, root="/www"):
    return {"host": host, "root": root, "files": {token: f"{token}.x" for token in tokens}}


def said(**states):
    messages = {
        state: {"state": state, "step": "publish", "message": "no space is left" if state == FAILED else ""} for state in (DONE, FAILED)
    }
    return {"outcomes": {token: messages[state] for token, state in states.items()}}


def test_a_proof_belongs_on_every_host_that_is_named_else_on_the_servers_of_the_lineage():
    issued = {"shop": pending(proof("t1"), proof("t2")), "blog": pending(proof("t3", ["web2", "lb1"], {"lb1": "/srv/www"}))}
    outcomes, publish, withdraw = proofs.placed(issued, {"shop": ["web1", "web2"]}, KNOWN)
    assert publish == withdraw == [row("web1", "t1", "t2"), row("web2", "t1", "t2", "t3"), row("lb1", "t3", root="/srv/www")]
    assert {name: outcome.state for name, outcome in outcomes.items()} == {"shop": PENDING, "blog": PENDING}


def test_what_is_left_of_a_killed_run_is_withdrawn_and_not_published():
    taken = Outcome(DONE, "issue", after={"version": "1", "withdraw": [proof("t0")]})
    outcomes, publish, withdraw = proofs.placed(
        {"shop": taken, "blog": pending(proof("t3"), withdraw=[proof("t2")])}, {"shop": ["web1"], "blog": ["web2"]}, KNOWN
    )
    assert publish == [row("web2", "t3")] and withdraw == [row("web2", "t3", "t2"), row("web1", "t0")]
    assert dict(outcomes["shop"].after) == {"version": "1"}


def test_a_host_that_no_inventory_knows_fails_its_lineage_before_anything_is_published():
    issued = {"shop": pending(proof("t1", ["web1", "web9"])), "blog": pending(proof("t2")), "lost": pending(proof("t3"))}
    outcomes, publish, withdraw = proofs.placed(issued, {"blog": ["web2"]}, KNOWN)
    assert outcomes["shop"].state == FAILED and "'web9'" in outcomes["shop"].message
    assert outcomes["lost"].state == FAILED and "challenge.hosts" in outcomes["lost"].next_action
    assert publish == [row("web2", "t2")] and row("web9", "t1") not in withdraw


def test_each_lead_publishes_on_its_own_server_and_the_rest_is_shared_out():
    rows = [row("web3", "t1"), row("web2", "t2"), row("web1", "t3"), row("lb1", "t4")]
    assert proofs.shared_out(PLAN, rows) == {"d1": [rows[0], rows[2]], "d2": [rows[1], rows[3]]}
    clouds = {"hosts": ["c1", "c2"], "items": {"c1": {"server": "", "lead": ""}}}
    assert proofs.shared_out(clouds, rows) == {"c1": rows}, "somebody carries the wave's batch tasks"


def test_a_proof_is_published_when_every_host_says_so_and_else_its_host_and_path_are_named():
    publish = {"d1": [row("web1", "t1", "t2"), row("web2", "t1")], "d2": [row("web3", "t3")]}
    good = {"d1": {"results": [said(t1=DONE, t2=DONE), said(t1=DONE)]}, "d2": {"results": [said(t3=DONE)]}}
    assert proofs.answers(publish, good) == {"t1": None, "t2": None, "t3": None}
    away = {"unreachable": True, "msg": "Failed to connect to the host via ssh"}
    found = proofs.answers(publish, {"d1": {"results": [said(t1=DONE, t2=FAILED), away]}, "d2": {}})
    assert all(
        word in str(found["t1"])
        for word in ("on web2", "/www/.well-known/acme-challenge/t1", "could not be reached", "certops.clm.rotate again")
    )
    assert "reach web2 again" in found["t1"].hint and found["t2"].hint.startswith("mend that")
    broken = {"failed": True, "msg": "The module failed to execute correctly", "module_stderr": "/bin/sh: python: not found", "rc": 127}
    assert "ansible web3 " in proofs.answers(publish, {"d2": {"results": [broken]}})["t3"].hint
    assert "on web1" in str(found["t2"]) and "no space is left" in str(found["t2"]) and "the task did not run" in str(found["t3"])


def test_a_proof_that_is_still_shown_is_told_by_whose_it_was_and_makes_nothing_red():
    before = {host: Outcome(DONE, "prove", message="All is well.").as_dict() for host in ("d1", "d2", "d3")}
    asked = {
        "outcomes": {"d2": pending(proof("t2")).as_dict(), "d3": Outcome(DONE, "issue").as_dict()},
        "withdraw": {"d1": [row("web2", "t2"), row("web1", "t0")], "d3": [row("web3", "t9")]},
    }
    away = {"unreachable": True, "msg": "Failed to connect to the host via ssh"}
    after = proofs.with_left(before, asked, {"d1": {"results": [away, said(t0=FAILED)]}, "d3": {"results": [said(t9=DONE)]}})
    assert {outcome["state"] for outcome in after.values()} == {DONE} and after["d3"] == before["d3"]
    words = ("All is well. Its proof could not be taken away on web2", "/www/.well-known/acme-challenge/t2", "reached", "remove it there.")
    assert all(word in after["d2"]["message"] for word in words), after["d2"]["message"]
    assert "on web1" in after["d1"]["message"] and "no space is left" in after["d1"]["message"], "of a killed run"
    assert proofs.with_left(before, asked, {})["d3"]["message"].count("the task did not run") == 1
    assert proofs.with_left(before, {}, {}) == before


def test_nonsense_from_a_host_is_no_proof():
    publish = {"d1": [row("web1", "t1"), row("web2", "t2")]}
    for nonsense in (
        {"results": [said(t1=DONE)]},
        {"results": "yes"},
        {"results": [7, {"outcomes": [DONE]}]},
        "text",
        {"outcomes": {"t1": DONE}},
        {"results": [{"outcomes": {"t1": DONE}}, {"outcomes": {"t2": {"state": "fine"}}}]},
    ):
        assert all(proofs.answers(publish, {"d1": nonsense}).values()), nonsense


def test_only_what_waits_is_gone_on_with_and_the_answer_is_that_of_both_calls():
    asked = {
        "publish": {"d2": [row("web2", "t2")]}, "versions": {"shop": {"version": "1"}}, "work": {"d1": [{"id": "d1"}]},
        "outcomes": {"d1": Outcome(DONE, "issue").as_dict(), "d2": pending(proof("t2")).as_dict(), "d3": pending().as_dict()},
    }  # fmt: skip
    assert list(proofs.waiting(PLAN, asked)["items"]) == ["d2"] and not proofs.waiting(PLAN, asked)["refused"]
    now = {
        "outcomes": {"d2": {"state": DONE}},
        "versions": {"blog": {"version": "2"}},
        "work": {"d1": [{"id": "d4"}], "d2": [{"id": "d2"}]},
    }
    whole = proofs.gone_on(asked, {**now, "changed": True})
    assert whole["work"] == {"d1": [{"id": "d1"}, {"id": "d4"}], "d2": [{"id": "d2"}]} and whole["changed"]
    assert whole["outcomes"] == {**asked["outcomes"], "d2": {"state": DONE}} and set(whole["versions"]) == {"shop", "blog"}


def test_a_standby_is_proven_where_what_it_stands_by_for_is_deployed():
    lineages = {"shop": {"names": ["shop.example.com"], "deployments": [deployment()], "consumers": ["web"], "standby": "second"}}
    whole = data(**lineages)
    whole["issuers"]["second"] = dict(whole["issuers"]["internal"], path="second")
    whole["client_classes"] = {"web": {"anchors": "web.pem"}}
    manifest = Manifest.parse(whole, "/etc/clm/manifest.yml")
    assert proofs.servers_of(manifest, "shop.standby") == proofs.servers_of(manifest, "shop") == [deployment()["server"]]
