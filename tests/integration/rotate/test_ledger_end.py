# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole rotations and their ledger: every run ends with a checkpoint, one request is found everywhere, and a shut ledger stops it."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from ansible_collections.certops.clm.plugins.module_utils._ledger_summary import summary
from ansible_collections.certops.clm.tests.integration.issuing.site import CONTROLLER
from ansible_collections.certops.clm.tests.integration.retention import history
from ansible_collections.certops.clm.tests.integration.rotate.campaign import OTHERS, SHOP, Campaign

WHY = "INC-7: the ledger's disk is full"


def estate(lab, ansible, place, lineages=("shop",)):
    campaign = Campaign(lab, ansible, place, list(lineages))
    campaign.manifest["ledger"]["checkpoints"] = {"path": "second"}
    campaign.write()
    return campaign


def judged(place):
    return summary(str(place / "ledger"), [str(place / "second")])


@pytest.mark.every_core
def test_a_rotation_and_a_way_back_end_anchored_and_a_request_is_found_everywhere(lab, ansible, tmp_path):
    campaign = estate(lab, ansible, tmp_path)
    run = campaign.run().ok()
    found = judged(tmp_path)
    assert found["state"] == "anchored" and found["anchored"] == found["events"] > 4 and found["open_intents_count"] == 0
    assert len(list((tmp_path / "second").glob("*.checkpoint"))) == 1, "one for the run, not one for each wave"
    request = campaign.versions("shop")[0]["meta"]["request_id"]
    steps = {(event["action"], event["step"]) for event in campaign.events() if event.get("request_id") == request}
    assert {("intent", "issue"), ("outcome", "issue"), ("intent", "deploy")} <= steps and ("promoted", "settle") in steps
    asked = (tmp_path / "ca").rglob("*")
    assert any(request in path.read_text(errors="replace") for path in asked if path.is_file() and "key" not in path.name)
    assert {outcome["after"]["request_id"] for outcome in campaign.outcomes(run).values()} == {request}
    verdicts = [event["result"]["msg"] for event in run.events if event.get("task", "").endswith("Verdict")]
    assert len(verdicts) == 3 and all(f"(request {request})" in verdict for verdict in verdicts)
    campaign.run().ok()
    assert judged(tmp_path)["anchored"] == judged(tmp_path)["events"] > found["events"]
    campaign.force("drill")
    campaign.run().ok()
    campaign.run("rollback", clm_lineage="shop").ok()
    assert judged(tmp_path)["state"] == "anchored" and judged(tmp_path)["anchored"] == judged(tmp_path)["events"]
    _attacked(ansible, tmp_path)


def _attacked(ansible, place):
    """What the rotations above wrote, by somebody who can write the ledger and not the second place."""
    tasks = []
    for name, act in {"edit": _edit, "cut": _cut, "rewrite": _rewrite}.items():
        shutil.copytree(place / "ledger", place / name)
        (chain,) = (place / name).glob("*.jsonl")
        chain.write_bytes(b"".join(act(chain.read_bytes().splitlines(keepends=True))))
        given = {"path": str(place / name), "checkpoints": [str(place / "second")]}
        tasks.append({"name": name, "certops.clm.ledger_info": given, "ignore_errors": True})
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER, "tasks": tasks}]).ok()
    for task in tasks:
        assert run.result(task["name"])["state"] == "broken", (task["name"], run.result(task["name"]))


def _edit(lines):
    return [line.replace(b'"owner":"team-web"', b'"owner":"nobody"') for line in lines]


def _cut(lines):
    return lines[:-3]


def _rewrite(lines):
    prev, found = "0" * 64, []
    for line in lines:
        event = {**json.loads(line), "prev": prev, **({"owner": "nobody"} if "owner" in json.loads(line) else {})}
        found.append(json.dumps(event, sort_keys=True, separators=(",", ":")).encode() + b"\n")
        prev = hashlib.sha256(found[-1][:-1]).hexdigest()
    return found


def test_a_second_place_that_is_away_fails_the_run_after_its_work(lab, ansible, tmp_path):
    campaign = estate(lab, ansible, tmp_path)
    (tmp_path / "second").write_text("not mounted")
    run = campaign.run()
    assert run.rc == 2 and {lab.served(name, verify=False) for name in SHOP} == {campaign.current("shop")}
    assert {outcome["state"] for outcome in campaign.outcomes(run).values()} == {"done"}
    assert "without a checkpoint" in run.output and str(tmp_path / "second") in run.output
    (tmp_path / "second").unlink()
    campaign.run().ok()
    assert judged(tmp_path)["state"] == "anchored" and judged(tmp_path)["anchored"] == judged(tmp_path)["events"]


@pytest.mark.every_core
def test_without_a_ledger_nothing_begins_but_under_break_glass_what_has_expired(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", "api"])
    lab.servers["app1"].reset(days=-1, age_days=60)
    before = {name: lab.served(name, verify=False) for name in (*SHOP, OTHERS["api"])}
    (tmp_path / "ledger").write_text("a file where the folder was")
    run = campaign.run()
    assert run.rc == 2 and str(tmp_path / "ledger") in run.output and "Nothing was done" in run.output
    assert {name: lab.served(name, verify=False) for name in before} == before and not (tmp_path / "store" / "lineages").exists()
    campaign.manifest["ledger"]["break_glass"] = WHY
    campaign.write()
    run = campaign.run()
    after = {name: lab.served(name, verify=False) for name in before}
    assert run.rc == 2 and after["app1"] != before["app1"], run.output
    assert {name: after[name] for name in SHOP} == {name: before[name] for name in SHOP}
    outcomes = campaign.outcomes(run)
    assert {name: outcomes[name]["state"] for name in outcomes} == {"app1": "done", **dict.fromkeys(SHOP, "deferred")}
    assert "break_glass lets through what has expired or is compromised only" in outcomes["web1"]["message"]
    assert "only what had expired or is compromised was worked on" in run.output and run.stats["localhost"]["failures"] == 1
    (tmp_path / "ledger").unlink()
    del campaign.manifest["ledger"]["break_glass"]
    campaign.write()
    campaign.run().ok()
    events = campaign.events()
    spooled = [event for event in events if event.get("spooled")]
    assert spooled and {event["break_glass"] for event in spooled} == {WHY} and events[: len(spooled)] == spooled
    assert [event["deployment"] for event in spooled if event["action"] == "intent" and event["step"] == "deploy"]
    assert "api" in json.dumps(spooled) and lab.served("app1", verify=False) == campaign.current("api")
    _replaces_what_is_compromised(lab, campaign, tmp_path)
    _shuts_midway(campaign, tmp_path)


@pytest.mark.every_core
def test_revocation_goes_on_under_break_glass_drops_nothing_and_is_merged(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    history.earlier_versions(campaign, "api", 2)
    first, second = (version["sha256"] for version in campaign.versions("api"))
    campaign.manifest["lineages"]["api"].update(compromised=[first])
    campaign.write()
    (tmp_path / "ledger").rename(tmp_path / "away")
    (tmp_path / "ledger").write_text("a file where the folder was")
    run = campaign.run("cleanup")
    assert run.rc == 2 and "Nothing was done" in run.output and not (tmp_path / "ca" / "revoked.jsonl").exists()
    campaign.manifest["ledger"]["break_glass"] = WHY
    campaign.write()
    one, two = history.serials(campaign, "api")
    run = campaign.run("cleanup")
    said = run.result("Drop what nobody wants and nothing serves")["msg"]
    assert run.rc == 2 and "nothing was dropped; of what is compromised, revoked: api/000001-" in said, said
    assert "certops.clm.cleanup again" in said and "runbook_ledger" in said
    assert history.revoked(campaign) == {one: "Key Compromise"} and history.states(campaign, "api") == ["issued", "issued"]
    run = campaign.run("retire", clm_lineage="api", clm_reason="superseded")
    said = " ".join(run.output.split())
    assert run.rc == 2 and "api has not ended; revoked: api/000002-" in said and "certops.clm.retire -e clm_lineage=api again" in said
    assert history.revoked(campaign) == {one: "Key Compromise", two: "Superseded"}
    assert history.states(campaign, "api") == ["issued", "issued"] and len(history.keys(campaign, "api")) == 2
    (tmp_path / "ledger").unlink()
    (tmp_path / "away").rename(tmp_path / "ledger")
    del campaign.manifest["ledger"]["break_glass"]
    campaign.write()
    campaign.run("cleanup").ok()
    merged = [(event["action"], event["step"], event["sha256"]) for event in campaign.events() if event.get("spooled")]
    assert merged == [(word, "revoke", sha256) for sha256 in (first, second) for word in ("intent", "outcome")]
    assert {event["break_glass"] for event in campaign.events() if event.get("spooled")} == {WHY}


def _replaces_what_is_compromised(lab, campaign, place):
    """A stolen key is served no longer, and can then be revoked, though nothing can be recorded but in the spool; the rest waits."""
    stolen, before = campaign.current("api"), lab.served("web1", verify=False)
    campaign.manifest["lineages"]["api"]["compromised"] = [stolen]
    campaign.manifest["ledger"]["break_glass"] = WHY
    campaign.force("not now")
    (place / "ledger").rename(place / "away")
    (place / "ledger").write_text("a file where the folder was")
    run = campaign.run()
    outcomes = {name: one["state"] for name, one in campaign.outcomes(run).items()}
    assert run.rc == 2 and outcomes == {"app1": "done", **dict.fromkeys(SHOP, "deferred")}, run.output
    assert lab.served("app1", verify=False) == campaign.current("api") != stolen and lab.served("web1", verify=False) == before
    said = campaign.run("cleanup").result("Drop what nobody wants and nothing serves")["msg"]
    assert "nothing was dropped; of what is compromised, revoked: api/" in said, said
    (place / "ledger").unlink()
    (place / "away").rename(place / "ledger")


def _shuts_midway(campaign, place):
    """The ledger shuts between the deployment and the record of a wave: what is done is spooled, and the run is not green."""
    ledger = place / "ledger"
    shut = {
        "name": "Shut",
        "ansible.builtin.shell": f"mv {ledger} {place}/away && touch {ledger}",
        "run_once": True,
        "delegate_to": "localhost",
    }
    (place / "gate.yml").write_text(json.dumps([shut, {"name": "Pass", "ansible.builtin.set_fact": {"clm_gate": "passed"}}]))
    campaign.manifest["ledger"]["break_glass"] = WHY
    campaign.force("midway")
    run = campaign.run(rotate_gate_tasks=str(place / "gate.yml"))
    outcomes = campaign.outcomes(run)
    assert run.rc == 2 and {one["state"] for one in outcomes.values()} == {"failed"}, run.output
    for one in outcomes.values():
        assert one["step"] == "break_glass" and "in the spool only" in one["message"] and one["served_sha256"] == one["after"]["sha256"]
        assert "certops.clm.rotate" in one["next_action"] and one["runbook_page"].endswith("runbook_ledger.rst")
    ledger.unlink()
    (place / "away").rename(ledger)
    campaign.run().ok()
    run_id = run.result("Begin the rotation")["run_id"]
    merged = [event for event in campaign.events() if event.get("spooled") and event["run_id"] == run_id]
    assert {event["deployment"].split("-")[1] for event in merged if event.get("deployment")} == set(outcomes)
    assert summary(str(ledger))["open_intents_count"] == 0
