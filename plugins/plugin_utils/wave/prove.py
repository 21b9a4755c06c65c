# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's proof: what every endpoint of a wave serves, judged for each deployment, and looked at during a soak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, SERVED, Proof
from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, FAILED, UNCHANGED, UNPROVEN
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict

LOOKABLE = (DONE, UNCHANGED, UNPROVEN)
INTERVAL = 0.5  # seconds between two looks at an endpoint that does not show the new certificate yet


@dataclass(frozen=True)
class Eyes:
    """How to look: judge every endpoint of one item once, and the means to wait. Injected, so that tests need no network."""

    look: Callable[[Sequence[str]], Dict[str, Proof]]
    now: Callable[[], float]
    sleep: Callable[[float], None]


def mark_swapped(outcomes: Mapping[str, OutcomeDict]) -> Dict[str, OutcomeDict]:
    """The outcomes with after.swapped where this wave put something new, proven on the server or not."""
    marked = {}
    for item, outcome in outcomes.items():
        swapped = outcome["state"] in (DONE, UNPROVEN) and outcome["step"] not in ("plan", "issue")
        marked[item] = {**outcome, "after": {**outcome["after"], "swapped": swapped}}
    return marked


def prove(outcomes: Mapping[str, OutcomeDict], eyes: Eyes, timeout: float) -> Dict[str, OutcomeDict]:
    """The outcomes after looking until each item is proven or timeout seconds have passed.

    Served here makes good what the server itself could not see; not served here fails what the server thought good.
    Where the controller cannot look, the server's own proof of the leaf stands in the message, and the item is unproven:
    its server is asked for the whole chain then (server_looks).
    """
    waiting = [item for item, outcome in outcomes.items() if outcome["state"] in LOOKABLE]
    proofs: Dict[str, Proof] = {}
    deadline = eyes.now() + timeout
    while waiting:
        proofs.update(eyes.look(waiting))
        waiting = [item for item in waiting if proofs[item].answer != SERVED]
        if not waiting or eyes.now() >= deadline:
            break
        eyes.sleep(INTERVAL)
    return {item: _after_proof(outcome, proofs[item], "prove") if item in proofs else dict(outcome) for item, outcome in outcomes.items()}


def soak(outcomes: Mapping[str, OutcomeDict], eyes: Eyes, seconds: float, interval: float) -> Tuple[Dict[str, OutcomeDict], int]:
    """The outcomes after watching what was swapped for so many seconds, and how many looks that took.

    One bad look ends an item's soak. A look that could not be made is tried again; only when none could be made since is
    the item unproven.
    """
    watched = [item for item, outcome in outcomes.items() if outcome["state"] == DONE and outcome["after"].get("swapped")]
    after, looks, end = {item: dict(outcome) for item, outcome in outcomes.items()}, 0, eyes.now() + seconds
    last: Dict[str, Proof] = {}
    while watched and seconds > 0:
        last.update(eyes.look(watched))
        looks += 1
        for item in [one for one in watched if last[one].answer not in (SERVED, COULD_NOT_LOOK)]:
            after[item] = _after_proof(after[item], last[item], "soak")
            watched.remove(item)
        if eyes.now() >= end:
            break
        eyes.sleep(min(interval, max(0.0, end - eyes.now())))
    for item in watched:
        if item in last and last[item].answer == COULD_NOT_LOOK:
            after[item] = _after_proof(after[item], last[item], "soak")
    return after, looks


def _after_proof(outcome: OutcomeDict, proof: Proof, step: str) -> OutcomeDict:
    if proof.answer == SERVED:
        return {**outcome, "state": DONE if outcome["after"].get("swapped") else UNCHANGED, "step": step}
    if proof.answer == COULD_NOT_LOOK:
        message = f"Could not look from the controller: {proof.detail}"
        if outcome["state"] == DONE:
            message += " The server itself sees the new certificate."
        return {**outcome, "state": UNPROVEN, "step": step, "message": message, "next_action": CANNOT_LOOK}
    return {**outcome, "state": FAILED, "step": step, "message": proof.detail, "next_action": ""}


def after_server_look(outcome: OutcomeDict, proof: Proof, server: str) -> OutcomeDict:
    """An unproven outcome after its own server looked where the controller could not."""
    own = f"the server {server} itself"
    if proof.answer == SERVED:
        after = _after_proof(outcome, proof, "prove")
        message = f"Proven from {own}: leaf, name and path of what it is served there. {outcome['message']}"
        return {**after, "message": message, "next_action": ""}
    if proof.answer == COULD_NOT_LOOK:
        message = f"{outcome['message']} The whole chain could not be seen from {own} either: {proof.detail}"
        return {**outcome, "message": message, "next_action": NOR_THE_SERVER.format(server=server)}
    return {**outcome, "state": FAILED, "step": "prove", "message": f"Seen from {own}: {proof.detail}", "next_action": ""}


NOR_THE_SERVER = (
    "Nothing was rolled back. Let the controller reach the endpoint, or mend what hinders {server} from seeing the whole chain "
    "(it needs the openssl command, or Python 3.13 or newer), then run the rotation again: it proves and commits."
)
CANNOT_LOOK = "Nothing was rolled back. Let the controller reach the endpoint, then run the rotation again: it proves and commits."
