# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What drills share. A drill makes what a provider works on, and returns the work, which says what went wrong, nothing when it is done."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable, List

from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge
from ansible_collections.certops.clm.tests.unit.contracts.target import QUICK

Work = Callable[[], List[str]]


def deploy(provider: ModuleType, estate: Any, version: Any = None) -> List[str]:
    """Deploy a version, by default the new one, to the place of the estate, and see in another run that nothing is to be done."""
    for state in ("done", "unchanged"):
        target = provider.create(QUICK, estate.now)
        target.take_keys_from(estate.store)
        outcome = converge([Item("one", estate.where, version or estate.new)], target=target, clock=estate.now)["one"]
        if outcome.state not in (state, "unchanged"):
            return [outcome.message, outcome.next_action]
    return []


def tried(act: Callable[[], Any]) -> List[str]:
    """What is wrong with it."""
    try:
        act()
    except Exception as error:
        return [f"{error} {getattr(error, 'hint', '')}"]
    return []


def cleaning(provider: ModuleType, estate: Any) -> Work:
    """Delete the copy of a version that was replaced."""
    first, last = estate.new, estate.version("shop.example.com")
    assert deploy(provider, estate, first) == deploy(provider, estate, last) == []

    def run() -> None:
        target = provider.create(QUICK, estate.now)
        for ref in target.copies(estate.where, {first.sha256}):
            assert not target.users(estate.where, ref)
            target.drop(estate.where, ref)

    return lambda: tried(run)
