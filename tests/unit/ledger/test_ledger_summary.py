# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger says in numbers."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.module_utils._ledger_summary import MOST_OPEN, numbers, summary
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import START


def test_intents_without_an_outcome_are_open() -> None:
    deploy = {"step": "deploy", "run_id": "r1", "lineage": "shop", "version": "1"}
    found = numbers(
        [
            {"action": "campaign"},
            {"action": "intent", "step": "issue", "request_id": "shop/1", "run_id": "r1"},
            {"action": "outcome", "step": "issue", "request_id": "shop/1", "run_id": "r2", "state": "done"},
            {"action": "intent", "deployment": "web1", **deploy},
            {"action": "intent", "deployment": "web2", **deploy},
            {"action": "outcome", "deployment": "web1", **deploy, "step": "prove", "state": "rolled_back"},
            {"action": "intent", "step": "promote", "run_id": "r1", "lineage": "shop", "version": "2"},
            {"action": "outcome", "step": "promote", "run_id": "r1", "lineage": "shop", "version": "2", "state": "done"},
        ]
    )
    assert found["actions"] == {"campaign": 1, "intent": 4, "outcome": 3} and found["states"] == {"done": 2, "rolled_back": 1}
    assert found["open_intents_count"] == 1 and found["open_intents"] == [{"action": "intent", "deployment": "web2", **deploy}]


def test_a_flood_of_open_intents_is_capped() -> None:
    found = numbers({"action": "intent", "request_id": str(number)} for number in range(MOST_OPEN + 5))
    assert (len(found["open_intents"]), found["open_intents_count"]) == (MOST_OPEN, MOST_OPEN + 5)


def test_a_broken_ledger_has_no_numbers(tmp_path) -> None:
    with Ledger(str(tmp_path), "w1", lambda: START) as ledger:
        ledger.append([{"action": "intent", "request_id": "a"}] * 3)
    assert summary(str(tmp_path))["actions"] == {"intent": 3}
    path = tmp_path / "w1.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"seq":2', b'"seq":3'))
    found = summary(str(tmp_path))
    assert found["state"] == "broken" and found["chains"][0]["first_bad_line"] == 2 and found["actions"] == {} and found["events"] == 1
