# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run refuses to issue where its store or its ledger would end with it: a real tmpfs, as in a container without a volume."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.lasting import ephemeral
from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign

MEMORY = Path("/dev/shm")
HERE = MEMORY.is_dir() and bool(ephemeral(str(MEMORY), Path("/proc/self/mountinfo").read_text()))


@pytest.mark.every_core
@pytest.mark.skipif(not HERE, reason="/dev/shm is no tmpfs on this machine")
@pytest.mark.parametrize("what, field", [("secret_store", "secret_store"), ("ledger", "ledger")])
def test_nothing_is_issued_into_memory_unless_that_is_meant(lab, ansible, tmp_path, what, field):
    campaign = Campaign(lab, ansible, tmp_path)
    place = MEMORY / f"clm-{tmp_path.name}-{tmp_path.parent.name}"
    campaign.manifest[what].update(path=str(place), allow_ephemeral=False)
    campaign.write()
    before = {name: lab.served(name) for name in SHOP}
    run = campaign.run()
    assert run.rc != 0 and {name: lab.served(name) for name in SHOP} == before
    for said in (str(place), "memory", "volume-mounts", "Paths to expose to isolated jobs", f"{field}.allow_ephemeral"):
        assert said in run.output, said
    assert not place.exists() and not (tmp_path / "store" / "lineages").exists()
    task = {"issuer": {"type": "local_ca", "path": str(tmp_path / "ca"), "passphrase_file": str(tmp_path / "passphrase")},
            "secret_store": {**campaign.manifest["secret_store"], "path": str(place if what == "secret_store" else tmp_path / "store")},
            "ledger": {**campaign.manifest["ledger"], "path": str(place if what == "ledger" else tmp_path / "ledger")},
            "certificates": [{"lineage": "a", "names": ["a.example.com"]}]}  # fmt: skip
    alone = campaign.ansible.playbook(
        [{"hosts": "localhost", "gather_facts": False, "tasks": [{"name": "it", "certops.clm.certificate": task}]}]
    )
    assert alone.rc == 2 and f"{field}.allow_ephemeral" in alone.output and not place.exists()
