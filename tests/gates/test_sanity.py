# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sanity of ansible-core, on every core that we support, with no ignore file."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.support import sanity
from ansible_collections.certops.clm.tests.support.environment import CORES, ROOT, venv


@pytest.mark.parametrize("core", [pytest.param(core, marks=pytest.mark.xdist_group(f"sanity-{core}")) for core in CORES])
def test_ansible_test_sanity(core, once_for_this_content):
    venv(f"core-{core}")
    once_for_this_content(lambda: sanity.everything(core))


def test_no_finding_is_ignored():
    assert not [str(path) for path in (ROOT / "tests" / "sanity").glob("ignore*") if path.read_text().strip()]
