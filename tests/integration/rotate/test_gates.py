# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates in whole rotations: a command, an address, and a query that a real Prometheus answers."""

from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign
from ansible_collections.certops.clm.tests.lab.prometheus import watching

ERRORS = 'max by (service) (errors{job="lab"})'
# Keeps what each wave's gate was told; from the second wave on there are errors.
PROGRAM = """import json, os, sys
waves, metrics = sys.argv[1:]
with open(waves, "a") as stream:
    stream.write(json.dumps(json.load(sys.stdin)) + chr(10))
if len(open(waves).readlines()) > 1:
    with open(metrics + ".fresh", "w") as stream:
        stream.write('errors{service="shop"} 0.5' + chr(10))
    os.replace(metrics + ".fresh", metrics)
"""


@pytest.fixture
def prometheus(tmp_path):
    with watching(tmp_path / "monitor") as found:
        found.set('errors{service="shop"}', 0)
        yield found


def gates(prometheus, tmp_path, **query):
    program = tmp_path / "gate.py"
    program.write_text(PROGRAM)
    return [
        {"command": [sys.executable, str(program), str(tmp_path / "waves.jsonl"), str(prometheus.metrics)], "name": "tell"},
        {"url": f"{prometheus.url}/-/healthy", "text": "Healthy", "name": "health"},
        {"prometheus": {"url": prometheus.url, "query": ERRORS, "want": "< 0.01", **query}},
    ]


@pytest.mark.every_core
def test_what_the_gates_pass_stays_and_what_they_do_not_goes_back(lab, ansible, tmp_path, prometheus):
    campaign = Campaign(lab, ansible, tmp_path)
    before = {name: lab.served(name) for name in SHOP}
    run = campaign.run(rotate_gates=gates(prometheus, tmp_path, hold=3, every=1), clm_waves=["rest"])
    outcomes = campaign.outcomes(run)
    (canary,) = [name for name, outcome in outcomes.items() if outcome["state"] == "done"]
    (second,) = set(outcomes) - {canary}
    (third,) = set(SHOP) - set(outcomes)
    assert run.rc != 0 and lab.served(canary, verify=False) == campaign.current("shop")
    assert {name: lab.served(name) for name in (second, third)} == {name: before[name] for name in (second, third)}
    message = outcomes[second]["message"]
    assert f"Not passed: gate 3 (query {ERRORS})" in message and '{service="shop"} is 0.5 after' in message
    assert "wanted was < 0.01 for 3 seconds" in message and (outcomes[second]["state"], outcomes[second]["step"]) == ("rolled_back", "gate")
    assert "Passed: gate 1 (tell): it ended with 0" in outcomes[canary]["message"]
    assert "gate 2 (health): status 200, wanted was status 200 and the text 'Healthy'" in outcomes[canary]["message"]
    waves = [json.loads(line) for line in (tmp_path / "waves.jsonl").read_text().splitlines()]
    assert [[row["server"] for row in wave["deployments"]] for wave in waves] == [[canary], [second]]
    assert waves[0]["deployments"][0]["lineage"] == "shop" and waves[0]["deployments"][0]["owner"] == "team-web" and waves[0]["run_id"]


@pytest.mark.every_core
def test_a_command_and_an_address_that_say_no_send_it_back(lab, ansible, tmp_path, prometheus):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    before = lab.served("app1")
    program = "import sys; print('orders fail'); sys.exit(3)"
    closed = [{"command": [sys.executable, "-c", program], "name": "orders"}, {"url": f"{prometheus.url}/nowhere", "name": "page"}]
    run = campaign.run(rotate_gates=closed)
    (outcome,) = campaign.outcomes(run).values()
    assert run.rc == 2 and (outcome["state"], outcome["step"]) == ("rolled_back", "gate") and lab.served("app1") == before
    assert "gate 1 (orders): it ended with 3" in outcome["message"] and "wanted was exit code 0" in outcome["message"]
    assert "gate 2 (page): status 404, wanted was status 200" in outcome["message"]


def test_a_gate_that_is_not_there_stops_before_anything_is_written(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    before = {name: lab.served(name) for name in SHOP}
    run = campaign.run(rotate_gates=[{"url": "http://127.0.0.1:9/health"}, {"command": ["/nonexistent/check"]}])
    assert run.rc != 0 and "rotate_gates[1].command[0]" in " ".join(run.output.split())
    assert {name: lab.served(name) for name in SHOP} == before and not (tmp_path / "store" / "lineages").exists()


def test_nothing_is_asked_in_check_mode(lab, ansible, tmp_path, prometheus):
    campaign = Campaign(lab, ansible, tmp_path)
    campaign.run(args=["--check"], rotate_gates=gates(prometheus, tmp_path)).ok()
    assert not (tmp_path / "waves.jsonl").exists()
