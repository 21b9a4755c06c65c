# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator of AWS as it is, and as the lab mends it: a patch that changes nothing any more is to be dropped."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.lab.aws import Aws


@pytest.fixture(scope="session", params=["mended", "stock"])
def lab(request, tmp_path_factory):
    """A running emulator, and whether it is mended."""
    server = Aws(tmp_path_factory.mktemp(request.param), ["stock"] if request.param == "stock" else ())
    try:
        yield server.start(), request.param == "mended"
    finally:
        server.stop()


def pytest_collection_modifyitems(items):
    """One worker has both emulators."""
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()) and "/unit/lab/" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("aws_patches"))
