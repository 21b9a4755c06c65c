# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `endpoints` holds to the contract, against real TLS servers."""

from __future__ import annotations

from contextlib import contextmanager

from ansible_collections.certops.clm.plugins.module_utils.sources import endpoints
from ansible_collections.certops.clm.tests.unit.contracts.source import SourceContract
from ansible_collections.certops.clm.tests.unit.probe.tls import Pki, serving_leaf

LEAF = Pki().leaf("shop.example")


class TestEndpoints(SourceContract):
    provider = endpoints
    wrong = ({}, {"endpoints": "a:1"}, {"endpoints": [{"host": ""}]}, {"endpoints": [{"host": "a", "port": 0}]}, {"endpoints": ["a"]})

    @contextmanager
    def good(self, folder):
        with serving_leaf(LEAF) as port:
            yield {"endpoints": [{"host": "127.0.0.1", "port": port}]}, {LEAF.sha256}

    def blind(self, folder):
        return {"endpoints": [{"host": "no-such-host.invalid", "port": 443}], "timeout": 2}
