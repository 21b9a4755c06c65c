# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's proof and the soak: three answers, and patience that ends."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Proof
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave.prove import Eyes, mark_swapped, prove, soak
from ansible_collections.certops.clm.plugins.plugin_utils.wave.settle import decide


class Script:
    """Eyes that see, look by look, what they were told; the last answer stays."""

    def __init__(self, **answers):
        self.answers, self.time, self.looks = answers, 0.0, 0

    def eyes(self):
        return Eyes(self.look, lambda: self.time, self.sleep)

    def look(self, items):
        self.looks += 1
        return {item: Proof(self.answers[item][min(self.looks, len(self.answers[item])) - 1], detail="seen") for item in items}

    def sleep(self, seconds):
        assert seconds >= 0
        self.time += seconds


def outcomes(**states):
    return mark_swapped({item: Outcome(state, "bind").as_dict() for item, state in states.items()})


@pytest.mark.parametrize(
    ("state", "answer", "after"),
    [
        ("done", SERVED, "done"),
        ("unchanged", SERVED, "unchanged"),
        ("unproven", SERVED, "done"),
        ("done", NOT_SERVED, "failed"),
        ("unproven", NOT_SERVED, "failed"),
        ("done", COULD_NOT_LOOK, "unproven"),
    ],
)
def test_what_the_controller_sees_decides(state, answer, after):
    result = prove(outcomes(a=state), Script(a=[answer]).eyes(), timeout=1)
    assert (result["a"]["state"], result["a"]["step"]) == (after, "prove")


def test_an_item_that_failed_before_is_not_looked_at():
    script = Script()
    result = prove(outcomes(a="failed", b="rolled_back"), script.eyes(), timeout=1)
    assert [result[item]["state"] for item in "ab"] == ["failed", "rolled_back"] and script.looks == 0


def test_the_new_certificate_may_take_its_time_within_the_timeout():
    script = Script(a=[NOT_SERVED, NOT_SERVED, SERVED])
    assert prove(outcomes(a="done"), script.eyes(), timeout=30)["a"]["state"] == "done"
    assert script.looks == 3


def test_a_bad_look_in_the_soak_ends_it_and_is_restored():
    proven = prove(outcomes(a="done", b="done"), Script(a=[SERVED], b=[SERVED]).eyes(), timeout=1)
    after, looks = soak(proven, Script(a=[SERVED, SERVED, NOT_SERVED], b=[SERVED]).eyes(), 60, 1)
    assert after["a"]["state"] == "failed" and after["a"]["step"] == "soak" and after["b"]["state"] == "done"
    assert looks > 50
    _all, commit, restore = decide(after, {}, gated=False)
    assert (commit, restore) == (["b"], ["a"])


def test_a_look_that_could_not_be_made_is_forgiven_when_a_later_one_is_good():
    proven = outcomes(a="done", b="done")
    after, _looks = soak(proven, Script(a=[COULD_NOT_LOOK, SERVED], b=[SERVED, COULD_NOT_LOOK]).eyes(), 5, 1)
    assert after["a"]["state"] == "done" and after["b"]["state"] == "unproven"


def test_only_what_was_swapped_and_seen_wrong_goes_back():
    seen = prove(
        outcomes(a="done", b="unchanged", c="done", d="rolled_back"), Script(a=[NOT_SERVED], b=[NOT_SERVED], c=[COULD_NOT_LOOK]).eyes(), 0
    )
    _all, commit, restore = decide(seen, {}, gated=False)
    assert (commit, restore) == ([], ["a"])


@pytest.mark.parametrize(("gate", "passes"), [("passed", True), ("", False), (None, False), (True, False), ("PASSED", False)])
def test_a_gate_passes_only_by_saying_so(gate, passes):
    after, commit, restore = decide(outcomes(a="done", b="unchanged"), {"a": gate}, gated=True)
    assert (commit, restore) == ((["a", "b"], []) if passes else (["b"], ["a"]))
    assert after["a"]["state"] == ("done" if passes else "failed")
