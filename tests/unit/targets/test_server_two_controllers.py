# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers hand keys for one deployment to one server: neither takes away what the other one has just handed over."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Dict, List

import pytest

NAME = "shop.example.com"


def staged(world: Any) -> List[str]:
    return sorted(str(path) for path in (pathlib.Path(world.state_dir) / "staged").iterdir())


def deploy(world: Any, item: Dict[str, Any], made: Any, keys: Dict[str, str], **params: Any) -> Dict[str, Any]:
    return world.serve([{**item, "version": made.version}], keys, False, 1.5, params)["outcomes"][NAME]  # type: ignore[no-any-return]


def test_a_key_that_was_handed_over_survives_the_whole_run_of_another_controller(world: Any, made: Any) -> None:
    item = world.add(NAME, made())
    world.start()
    ours, theirs = made(), made()
    our_keys, their_keys = world.stage((item, ours)), world.stage((item, theirs))
    assert len(staged(world)) == 2
    assert deploy(world, item, theirs, their_keys)["state"] == "done"
    assert staged(world) == list(our_keys.values()), "theirs is gone, ours is there"
    assert deploy(world, item, ours, our_keys)["state"] == "done" and world.served(item) == ours.sha256
    assert staged(world) == []


@pytest.mark.parametrize("state", ["committed", "restored"])
def test_nor_does_a_run_that_only_commits_or_goes_back(world: Any, made: Any, state: str) -> None:
    item = world.add(NAME, made())
    world.start()
    theirs = made()
    deploy(world, item, theirs, world.stage((item, theirs)))
    ours = world.stage((item, made()))
    deploy(world, item, theirs, {}, state=state)
    assert staged(world) == list(ours.values())


def test_a_question_for_the_keys_that_are_needed_takes_none_away(world: Any, made: Any) -> None:
    item = world.add(NAME, made())
    world.start()
    ours, new = world.stage((item, made())), made()
    asked = world.serve([{**item, "version": new.version}], {}, False, 1.5, {"hand_over": True})
    assert list(asked["need_keys"]) == [NAME] and staged(world) == list(ours.values())


def test_a_key_that_is_not_used_goes_with_its_own_run_and_one_that_was_left_after_a_quarter_of_an_hour(world: Any, made: Any) -> None:
    new = made()
    item = world.add(NAME, new)
    world.start()
    left = world.stage((item, made()))
    mine = world.stage((item, new))
    assert deploy(world, item, new, mine)["state"] == "unchanged" and staged(world) == list(left.values())
    os.utime(left[NAME], (1, 1))
    deploy(world, item, new, {})
    assert staged(world) == []
