# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger and its second place through ansible-playbook: anchored, attacked in every way, shut, broken open and merged."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.ledger import read, verify
from ansible_collections.certops.clm.tests.integration.issuing.site import CONTROLLER, Site, play, states
from ansible_collections.certops.clm.tests.support.world import World
from ansible_collections.certops.clm.tests.unit.ledger.anchored import ATTACKS, Estate, make

SHOP = {"lineage": "shop", "names": ["shop.example.com"]}
WHY = "INC-7: the ledger's disk is full"


def asked(name, estate, **more):
    given = {"path": str(estate.ledger), "checkpoints": [str(estate.checkpoints)], **more}
    return {"name": name, "certops.clm.ledger_info": given, "ignore_errors": True}


@pytest.mark.every_core
def test_every_attack_on_a_ledger_is_found(ansible, tmp_path):
    whole = make(tmp_path / "whole")
    pins = [path.read_text().strip() for path in sorted(whole.checkpoints.glob("*.vkey"))]
    tasks = [asked("whole", whole, vkeys=pins), asked("known", whole), asked("alone", whole, checkpoints=[])]
    for attack, act in ATTACKS.items():
        estate = Estate(tmp_path / attack)
        shutil.copytree(whole.place, estate.place)
        act(estate, "w1", random.Random(attack))
        tasks.append(asked(attack, estate, vkeys=pins))
    torn = Estate(tmp_path / "torn")
    shutil.copytree(whole.place, torn.place)
    torn.chain("w2").write_bytes(torn.chain("w2").read_bytes() + b'{"action":"int')
    tasks.append(asked("torn", torn, vkeys=pins))
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER, "tasks": tasks}], args=["--check"])
    for good in ("whole", "known"):
        assert run.result(good)["state"] == "anchored" and run.result(good)["anchored"] == 32
    assert run.result("alone")["state"] == "unanchored" and "verified" not in json.dumps(run.result("alone"))
    assert run.stats["localhost"]["ignored"] == len(ATTACKS), "each of them fails, and nothing else"
    for attack in ATTACKS:
        found = run.result(attack)
        assert found["state"] == "broken" and "w1" in found["msg"], (attack, found)
    found = run.result("torn")
    assert found["state"] == "anchored" and [one["torn"] for one in found["chains"]] == [False, True, False]
    assert "w2 is torn behind line 9" in found["remarks"][0] and run.result("whole")["remarks"] == []
    assert "[WARNING]: w2 is torn" in run.output and "DEPRECATION" not in run.output
    assert "lines are missing" in run.result("cut")["msg"] and "the chain is gone" in run.result("remove")["msg"]
    assert "rewritten" in run.result("rewrite_all")["msg"] and "not signed by the key that is known" in run.result("forge")["msg"]


@pytest.mark.every_core
def test_a_run_ends_with_a_checkpoint_and_with_a_failure_when_it_cannot_be_sent(ansible, tmp_path):
    site = Site(tmp_path)
    site.kept["ledger"]["checkpoints"] = {"path": str(tmp_path / "second")}
    run = ansible.playbook(play(site.set_up(), site.facade(SHOP), site.module({**SHOP, "forced": "again"}), site.facade(SHOP))).ok()
    first, second = run.result("certificate 1")["checkpoint"], run.result("local_ca_certificate 2")["checkpoint"]
    assert first["size"] == 2 and second["size"] == 4 and Path(second["file"]).read_text().startswith(f"{second['origin']}\n4\n")
    assert run.result("certificate 3")["checkpoint"]["size"] == 4 and run.result("certificate 3")["changed"] is False
    (tmp_path / "second").rename(tmp_path / "away")
    (tmp_path / "second").write_text("not mounted")
    run = ansible.playbook(play(site.facade({**SHOP, "forced": "third"})))
    result = run.result("certificate 0")
    assert run.rc == 2 and states(result) == {"shop": "done"} and "ends without a checkpoint" in result["msg"]
    (tmp_path / "second").unlink()
    (tmp_path / "away").rename(tmp_path / "second")
    ledger = ("ledger_checkpoint", {"ledger": site.kept["ledger"], "secret_store": site.kept["secret_store"]})
    info = ("ledger_info", {"path": str(tmp_path / "ledger"), "checkpoints": [str(tmp_path / "second")], "vkeys": [first["vkey"]]})
    run = ansible.playbook(play(ledger, info, ledger)).ok()
    assert run.result("ledger_checkpoint 0")["checkpoint"]["size"] == 6 and run.changed() == 1
    assert run.result("ledger_info 1")["state"] == "anchored" and run.result("ledger_info 1")["anchored"] == 6
    key = (tmp_path / "store.ledger-key.pem").read_text().splitlines()[1]
    assert key not in run.output


@pytest.mark.every_core
def test_nothing_begins_without_a_ledger_but_under_break_glass_what_has_expired(ansible, tmp_path):
    site, world = Site(tmp_path), World(tmp_path)
    for lineage, age in (("old", 100), ("young", 10), ("fine", 10)):
        world.version(lineage, world.authority.chain(f"{lineage}.example.com", age=age))
    world.store.flush()
    items = [{"lineage": name, "names": [f"{name}.example.com"]} for name in ("old", "young", "fine")]
    items[1]["forced"] = "not now"
    ansible.playbook(play(site.set_up())).ok()
    (tmp_path / "ledger").write_text("a file where the folder was")
    before = site.files()
    run = ansible.playbook(play(site.facade(*items)))
    told = run.result("certificate 0")["msg"]
    assert run.rc == 2 and str(tmp_path / "ledger") in told and "Nothing was done" in told and "break_glass" in told
    assert site.files() == before
    site.kept["ledger"]["break_glass"] = WHY
    run = ansible.playbook(play(site.facade(*items)))
    result = run.result("certificate 0")
    assert run.rc == 2 and states(result) == {"old": "done", "young": "failed", "fine": "unchanged"}
    assert WHY in json.dumps(result["warnings"])
    told = result["outcomes"]["young"]["message"]
    assert "valid until" in told and str(tmp_path / "ledger") in told
    (tmp_path / "ledger").unlink()
    site.kept["ledger"].pop("break_glass")
    run = ansible.playbook(play(site.module(*items))).ok()
    assert run.result("local_ca_certificate 0")["merged"] == 2 and verify(str(tmp_path / "ledger")).ok
    events = list(read(str(tmp_path / "ledger")))
    first = [event for event in events if event.get("spooled")]
    assert [event["action"] for event in first] == ["intent", "outcome"] and events[:2] == first
    assert {(event["lineage"], event["break_glass"], event["request_id"]) for event in first} == {
        ("old", WHY, result["outcomes"]["old"]["after"]["request_id"])
    }
    assert ansible.playbook(play(site.module(*items))).ok().changed() == 0
