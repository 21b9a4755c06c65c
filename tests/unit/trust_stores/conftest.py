# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's emulator of AWS with a bucket that keeps versions, and the pause between two looks, which costs these tests nothing."""

from __future__ import annotations

import os
from unittest import mock

import pytest

from ansible_collections.certops.clm.plugins.module_utils import aws as aws_module
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import _aws
from ansible_collections.certops.clm.tests.lab.aws import emulator
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, bucket


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


@pytest.fixture(scope="session")
def kept():
    """Clients of the SDK, each made once for all tests: to make one costs more than what it is asked."""
    made, get = {}, aws_module.Clients.get

    def keeping(self, service, region=""):
        name = (service, region or self.region, os.environ["AWS_ACCESS_KEY_ID"])
        if name not in made:
            made[name] = get(self, service, region)
        return made[name]

    return keeping


@pytest.fixture
def aws(server, kept):
    server.reset()
    bucket(server, BUCKET)
    patches = mock.patch.object(_aws, "PAUSE", 0.01), mock.patch.object(aws_module.Clients, "get", kept)
    with mock.patch.dict(os.environ, server.environment), patches[0], patches[1]:
        server.forget_calls()
        yield server


def pytest_collection_modifyitems(items):
    """One worker has the emulator."""
    for item in items:
        if "/unit/trust_stores/" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("aws_trust_stores"))
