# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of the secret store in Secrets Manager."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ansible_collections.certops.clm.plugins.module_utils.contracts import DROPPED, KeyRef, Lease
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import PEM, SPKI, Clock, issued
from ansible_collections.certops.clm.tests.unit.rights.drill import tried
from ansible_collections.certops.clm.tests.unit.secret_stores.test_aws_secrets_manager import kept, opened


def read(store):
    """All that is there."""
    for lineage in store.lineages():
        for one in store.versions(lineage):
            store.key(KeyRef(store.identity(), lineage, one.version, SPKI))
            assert store.holds_key(lineage, one.version)


def whole_life(**options):
    """Written, read, held for longer, and dropped."""
    clock = Clock()
    lineages = iter(f"shop-{number}" for number in range(20))

    def run():
        store, lineage = opened(clock, **options), next(lineages)
        lease = store.begin(lineage, None)
        assert isinstance(lease, Lease)
        for _number in range(2):
            version = store.new_version(lineage)
            store.save(lease, issued(lineage, version, key=PEM))
            store.promote(lease, version)
            store.flush()
        store.extend(lease)
        read(opened(clock, **options))
        first = store.versions(lineage)[0]
        store.drop(lease, replace(first, state=DROPPED))
        store.end(lease)
        store.flush()

    return lambda: tried(run)


def reading(aws, folder):
    """Somebody else wrote it."""
    kept(opened(), "shop", 2)
    return lambda: tried(partial(lambda: read(opened())))


DRILLS = {
    "To issue, deploy and clean up": lambda aws, folder: whole_life(),
    "To issue, deploy and clean up with ``kms_key_id``": lambda aws, folder: whole_life(kms_key_id="alias/certificates"),
    "To read what is kept": reading,
}
