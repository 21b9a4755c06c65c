# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gate may rely on: the one definition of all checks is this folder, and `make gates` runs it."""

from __future__ import annotations

import os
from typing import Any, Callable

import pytest

from ansible_collections.certops.clm.tests.support import collection
from ansible_collections.certops.clm.tests.support.environment import CACHE, IN_CI


@pytest.fixture
def once_for_this_content(request: pytest.FixtureRequest) -> Callable[[Callable[[], Any]], None]:
    """Runs a slow gate, but not again while no file changed since it passed; CI and CLM_GATES_FRESH=1 always run it."""
    def gate(check: Callable[[], Any]) -> None:
        name = "".join(char if char.isalnum() or char in "._-" else "_" for char in request.node.name)
        passed = CACHE / "gates" / f"{name}.passed"
        content = collection.content_hash(collection.files())
        fresh = IN_CI or os.environ.get("CLM_GATES_FRESH") == "1"
        if not fresh and passed.is_file() and passed.read_text() == content:
            return
        check()
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.write_text(content)
    return gate
