# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `secret_store` holds to the contract."""

from __future__ import annotations

from contextlib import contextmanager

from ansible_collections.certops.clm.plugins.module_utils.errors import UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.sources import secret_store
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.support.world import World
from ansible_collections.certops.clm.tests.unit.contracts.source import SourceContract


class Away:
    """A store that does not answer."""

    def lineages(self):
        raise UnavailableError("the store does not answer")


class TestSecretStore(SourceContract):
    provider = secret_store
    wrong = ({},)

    @contextmanager
    def good(self, folder):
        world = World(folder)
        chains = [world.authority.chain("shop.example.com") for _version in range(2)]
        for chain in chains:
            world.version("shop", chain)
        yield {"store": world.store}, {Certificate.from_pem(chain[0]).sha256 for chain in chains}

    def blind(self, folder):
        return {"store": Away()}
