# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `findings` holds to the contract."""

from __future__ import annotations

from contextlib import contextmanager

from ansible_collections.certops.clm.plugins.module_utils.sources import findings
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.support.world import World, finding
from ansible_collections.certops.clm.tests.unit.contracts.source import SourceContract


class TestFindings(SourceContract):
    provider = findings
    wrong = ({}, {"path": 5})

    @contextmanager
    def good(self, folder):
        world = World(folder)
        chain = world.authority.chain("shop.example.com")
        world.server("web1", finding("/a.pem", chain), finding("/b.pem", error="it cannot be read"), finding("/c.pem", ["no PEM"]))
        world.server("web2", reached=False)
        world.save()
        yield {"path": str(folder / "observations.json")}, {Certificate.from_pem(chain[0]).sha256}

    def blind(self, folder):
        return {"path": str(folder / "nothing.json")}
