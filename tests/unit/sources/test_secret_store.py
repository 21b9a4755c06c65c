# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `secret_store` holds to the contract."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.sources import secret_store
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.support.world import NOW, World
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


class Torn:
    """A store that cannot tell about one of its lineages."""

    def __init__(self, store, name):
        self._store, self._name = store, name

    def __getattr__(self, name):
        return getattr(self._store, name)

    def versions(self, lineage):
        if lineage == self._name:
            raise UnavailableError("its folder cannot be read")
        return self._store.versions(lineage)


def test_a_lineage_that_cannot_be_read_hides_no_other_and_is_said(tmp_path):
    world = World(tmp_path)
    for name in ("api", "shop"):
        world.version(name, world.authority.chain(f"{name}.example.com"))
    found = []
    with pytest.raises(ClmError, match=r"\Alineage api: its folder cannot be read\Z"):
        found.extend(secret_store.create({"store": Torn(world.store, "api")}, lambda: NOW).find())
    assert [one.where["lineage"] for one in found] == ["shop"]
