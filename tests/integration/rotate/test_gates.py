# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates in whole rotations: a command, an address, and the API of Prometheus, spoken by a small server that is none."""

from __future__ import annotations

import json

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign
from ansible_collections.certops.clm.tests.support.prometheus import answering

RATE = "sum by (job) (rate(errors[5m]))"


@pytest.fixture
def server():
    with answering() as found:
        found.pages["/health"] = (200, b"all is well")
        yield found


def gates(server, tmp_path, **query):
    program = tmp_path / "gate.py"
    program.write_text("import json, sys\nopen(sys.argv[1], 'a').write(json.dumps(json.load(sys.stdin)) + chr(10))\n")
    return [
        {"command": ["python3", str(program), str(tmp_path / "waves.jsonl")]},
        {"url": f"{server.url}/health", "text": "well", "name": "health"},
        {"prometheus": {"url": server.url, "query": RATE, "want": "< 0.01", **query}},
    ]


@pytest.mark.every_core
def test_what_the_gates_pass_stays_and_what_they_do_not_goes_back(lab, ansible, tmp_path, server):
    campaign = Campaign(lab, ansible, tmp_path)
    before = {name: lab.served(name) for name in SHOP}
    server.series(RATE, 0.001, 0.001, 0.5, job="shop")
    run = campaign.run(rotate_gates=gates(server, tmp_path, hold=1, every=1), clm_waves=["rest"])
    outcomes = campaign.outcomes(run)
    (canary,) = [name for name, outcome in outcomes.items() if outcome["state"] == "done"]
    (second,) = set(outcomes) - {canary}
    (third,) = set(SHOP) - set(outcomes)
    assert run.rc != 0 and lab.served(canary, verify=False) == campaign.current("shop")
    assert {name: lab.served(name) for name in (second, third)} == {name: before[name] for name in (second, third)}
    wanted = f'Not passed: gate 3 (query {RATE}): errors{{job="shop"}} is 0.5 after 0 s, wanted was < 0.01 for 1 seconds.'
    assert wanted in outcomes[second]["message"] and (outcomes[second]["state"], outcomes[second]["step"]) == ("rolled_back", "gate")
    assert "Passed: gate 1 (command python3): it ended with 0" in outcomes[canary]["message"]
    assert "gate 2 (health): status 200, wanted was status 200 and the text 'well'" in outcomes[canary]["message"]
    waves = [json.loads(line) for line in (tmp_path / "waves.jsonl").read_text().splitlines()]
    assert [[row["server"] for row in wave["deployments"]] for wave in waves] == [[canary], [second]]
    assert waves[0]["deployments"][0]["lineage"] == "shop" and waves[0]["deployments"][0]["owner"] == "team-web" and waves[0]["run_id"]


def test_a_gate_that_is_not_there_stops_before_anything_is_written(lab, ansible, tmp_path, server):
    campaign = Campaign(lab, ansible, tmp_path)
    before = {name: lab.served(name) for name in SHOP}
    run = campaign.run(rotate_gates=[{"url": f"{server.url}/health"}, {"command": ["/nonexistent/check"]}])
    assert run.rc != 0 and "rotate_gates[1].command[0]" in " ".join(run.output.split())
    assert {name: lab.served(name) for name in SHOP} == before and not (tmp_path / "store" / "lineages").exists()


def test_nothing_is_asked_in_check_mode(lab, ansible, tmp_path, server):
    campaign = Campaign(lab, ansible, tmp_path)
    campaign.run(args=["--check"], rotate_gates=gates(server, tmp_path)).ok()
    assert not server.asked and not (tmp_path / "waves.jsonl").exists()
