# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not there is a skip on somebody's desk, and a failure where everything is required: in CI nothing is green unseen."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.support import environment


@pytest.mark.parametrize("name", ["core-2.16", "core-2.21", "nginx", "mounts"])
@pytest.mark.parametrize("required", ["", "all", "core-2.16,nginx"])
def test_what_is_required_fails_and_nothing_else_does(monkeypatch, name, required):
    monkeypatch.setenv("CLM_LAB_REQUIRE", required)
    fails = required == "all" or name in required.split(",")
    with pytest.raises(pytest.fail.Exception if fails else pytest.skip.Exception, match=f"{name} is not there: it was not made"):
        environment.not_there(name, "it was not made")


def test_a_core_without_its_venv_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("CLM_LAB_REQUIRE", "all")
    monkeypatch.setattr(environment, "CACHE", tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"core-2\.16 is not there"):
        environment.venv("core-2.16")
