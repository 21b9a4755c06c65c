# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator of AWS for the issuers and challenges that ask it."""

from __future__ import annotations

import os
from unittest import mock

import pytest

from ansible_collections.certops.clm.tests.lab.aws import emulator


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A running emulator."""
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


@pytest.fixture
def lab(server):
    """The emulator with nothing in it, and its credentials in the environment."""
    server.reset()
    with mock.patch.dict(os.environ, server.environment):
        yield server
