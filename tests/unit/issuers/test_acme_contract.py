# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Pebble under the contract of issuers."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Issuer
from ansible_collections.certops.clm.plugins.module_utils.issuers import acme
from ansible_collections.certops.clm.tests.lab.pebble import PROFILES, Pebble, pebble
from ansible_collections.certops.clm.tests.unit.contracts.issuer import IssuerContract
from ansible_collections.certops.clm.tests.unit.issuers import make


class TestAcme(IssuerContract):
    provider = acme
    ca: Pebble

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def running(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        profile = {"default": {**PROFILES["default"], "validityPeriod": 29 * 86400}}
        with pebble(tmp_path_factory.mktemp("pebble"), names={"profiles": profile}) as cls.ca:
            cls.now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=10)
            yield

    def options(self, folder: Path) -> Mapping[str, Any]:
        return self.ca.issuer()

    def stranger(self, folder: Path) -> str:
        return self.ca.root_file.read_text()

    def issuer(self, folder: Path) -> Issuer:
        made = acme.create(self.options(folder), lambda: self.now)
        made.keep_in(make.store(folder / "store"))
        return made
