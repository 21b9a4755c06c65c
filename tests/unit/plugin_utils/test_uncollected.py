# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No collection while an inventory is made, and nothing that stays for ever."""

from __future__ import annotations

import gc
import weakref

import pytest

from ansible_collections.certops.clm.plugins.plugin_utils.uncollected import paused, uncollected


class Ring:
    def __init__(self):
        self.me = self


@pytest.fixture(autouse=True)
def collector():
    gc.unfreeze()  # what another test may have left
    assert gc.isenabled()
    yield
    gc.enable()
    gc.unfreeze()


def test_the_collector_rests_in_the_block_and_goes_on_after_it_also_after_an_error():
    with pytest.raises(ZeroDivisionError), uncollected():
        assert not gc.isenabled()
        print(1 / 0)
    assert gc.isenabled()


def test_what_was_made_is_not_looked_at_again_until_the_next_block_which_lets_go_of_it():
    with uncollected():
        ring = Ring()
        gone = weakref.ref(ring)
        del ring
    gc.collect()
    assert gone() is not None
    with uncollected():
        assert gone() is None
    later = Ring()
    gone = weakref.ref(later)
    del later
    gc.collect()
    assert gone() is None


def test_a_pause_ends_with_its_block_and_keeps_nothing():
    with pytest.raises(ZeroDivisionError), paused():
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
        print(1 / 0)
    assert gc.isenabled() and not gc.get_freeze_count()


def test_a_collector_that_somebody_switched_off_stays_off():
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled() and not gc.get_freeze_count()
