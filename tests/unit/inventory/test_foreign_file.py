# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that somebody else wrote is foreign, also while the server still serves ours from its memory: the file would be overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.certops.clm.tests.support.world import World, finding
from ansible_collections.certops.clm.tests.unit.inventory.test_judge import AT, FILE, one, shop, words


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_it_is_left_alone_and_told_although_ours_is_served(world: World) -> None:
    ours, theirs = world.authority.chain("shop.example.com"), world.authority.chain("shop.example.com", subject="theirs")
    world.version("shop", ours)
    world.serve(AT, ours)
    world.server("web1", finding(FILE, theirs, written_at="2026-01-02T03:04:05Z", file_owner="alice"))
    judged: Any = one(world)
    assert (words(judged), judged.held, judged.due) == ((None, "foreign"), True, False)
    assert "what is served is right, but the file holds" in judged.detail and "by alice" in judged.detail
    shop(world)["take_over"] = True
    assert (one(world).held, one(world).due) == (False, True)


@pytest.mark.parametrize("served", ["an older one of ours", "nobody could look"])
def test_so_is_it_when_ours_is_to_be_deployed(world: World, served: str) -> None:
    old, theirs = world.authority.chain("shop.example.com"), world.authority.chain("shop.example.com", subject="theirs")
    world.version("shop", old)
    world.version("shop", world.authority.chain("shop.example.com"))
    if served == "nobody could look":
        world.serve(AT, answer="could_not_look", error="no connection")
    else:
        world.serve(AT, old)
    world.server("web1", finding(FILE, theirs))
    judged: Any = one(world)
    assert (words(judged), judged.held, judged.due) == ((None, "foreign"), True, False) and "the file holds" in judged.detail


def test_the_file_decides_whether_it_has_expired_and_who_keeps_it(world: World) -> None:
    ours = world.authority.chain("shop.example.com")
    world.version("shop", ours)
    world.serve(AT, ours)
    world.server("web1", finding(FILE, world.authority.chain("shop.example.com", age=91)))
    assert (one(world).held, one(world).due) == (False, True)
    world.server("web1", finding(FILE, world.authority.chain("shop.example.com", age=91), real_file="/etc/letsencrypt/archive/x/y.pem"))
    assert (one(world).held, one(world).due) == (True, False) and "certbot keeps it" in one(world).detail


def test_it_is_foreign_to_a_lineage_without_a_version_too(world: World) -> None:
    world.server("web1", finding(FILE, world.authority.chain("shop.example.com")))
    world.serve(AT, answer="could_not_look", error="no connection")
    assert (words(one(world)), one(world).held, one(world).due) == (("missing", "foreign"), True, False)
