# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stays and what goes back, from what was proven and what the user's gate said. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, FAILED
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, positive

PASSED = "passed"
READ_GATES = "Read the task that asks the gates, above this one."
PROOF_STEPS = ("prove", "soak", "gate")


def decide(
    outcomes: Mapping[str, OutcomeDict], gates: Mapping[str, Any], gated: bool
) -> Tuple[Dict[str, OutcomeDict], List[str], List[str]]:
    """The outcomes, the ids to commit and the ids to restore.

    Restored is only what this wave changed and what was then seen to be wrong, or what the gate did not pass. What could
    not be looked at (unproven) is left as it is: nobody knows that it is wrong.
    """
    after = {item: _ask_gate(outcome, gates.get(item)) if gated else dict(outcome) for item, outcome in outcomes.items()}
    commit = [item for item, outcome in after.items() if positive(outcome)]
    restore = [
        item for item, outcome in after.items() if outcome["state"] == FAILED and outcome["step"] in PROOF_STEPS and _swapped(outcome)
    ]
    return after, commit, restore


def with_answers(outcomes: Mapping[str, OutcomeDict], answers: Mapping[str, Any]) -> Dict[str, OutcomeDict]:
    """The outcomes after what the gates answered: what they did not pass has failed, and so has what got no answer."""
    return {item: _hear(outcome, answers.get(item)) if outcome["state"] == DONE else dict(outcome) for item, outcome in outcomes.items()}


def _hear(outcome: OutcomeDict, answer: Any) -> OutcomeDict:
    heard = answer if isinstance(answer, Mapping) else {"message": "The gates left no answer.", "next_action": READ_GATES}
    message = f"{outcome['message']} {heard.get('message', '')}".strip()
    if heard.get("passed") is True:
        return {**outcome, "message": message}
    return {**outcome, "state": FAILED, "step": "gate", "message": message, "next_action": str(heard.get("next_action", ""))}


def _swapped(outcome: Mapping[str, Any]) -> bool:
    """True when this wave put something new there; an item that already held it has nothing to go back to."""
    return bool(outcome["after"].get("swapped"))


def _ask_gate(outcome: OutcomeDict, gate: Any) -> OutcomeDict:
    if outcome["state"] != DONE or gate == PASSED:
        return dict(outcome)
    message = "The gate did not pass: its tasks ended without setting clm_gate to passed for this host."
    return {**outcome, "state": FAILED, "step": "gate", "message": message, "next_action": "Read the gate's own tasks above this one."}
