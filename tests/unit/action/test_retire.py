# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a lineage end: not while a source of the inventory sees it anywhere, and not while its standby lives on."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List

import pytest

pytest.importorskip("ansible.plugins.action")

from ansible_collections.certops.clm.plugins.action.retire import _Work
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows._ending import Revokers
from ansible_collections.certops.clm.plugins.module_utils.flows.retire import Ending, retire
from ansible_collections.certops.clm.plugins.module_utils.ledger import NullLedger
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World

AT = "web1.example.com|8443|shop.example.com|none"


class Whole(World):
    """Everything was looked at just now, and `shop` is served nowhere."""

    def __init__(self, folder: Path, **shop: Any) -> None:
        super().__init__(folder, data(shop={"names": ["shop.example.com"], "deployments": [deployment()], **shop}))
        self.manifest["issuers"]["other"] = {"type": "local_ca", "path": "other"}
        self.chain = self.authority.chain("shop.example.com")
        self.version("shop", self.chain)
        self.server("web1")
        self.serve(AT, self.authority.chain("other.example.com"))
        self.taken_at = datetime.now(timezone.utc)  # the action has a clock of its own
        self.save()

    def work(self, lineage: str = "shop", **more: Any) -> _Work:
        manifest = load(str(self.folder / "manifest.yml"))
        hosts: List[str] = [*(one.id for one in manifest.deployments), *manifest.servers]
        args: Dict[str, Any] = {"lineage": lineage, "key": "archive", "reason": "superseded", "hosts": hosts, "seen": [], "unbound": {}}
        args.update(run_id="", max_age="1h", allow_blind=[], timeout=1.0, **more)
        return _Work(args, manifest, self.store, False)


def test_what_a_source_of_the_inventory_sees_is_served(tmp_path: Path) -> None:
    world = Whole(tmp_path)
    leaf = Certificate.from_pem(world.chain[0]).sha256
    assert "nothing serves a version of shop:" in world.work(seen=["00" * 32]).begin(NullLedger()).message
    work = world.work(seen=[leaf])
    for act in (work.begin, work.end):
        with pytest.raises(ClmError, match=r"shop is still served.*a source of the inventory found it"):
            act(NullLedger())
    assert [one.state for one in world.store.versions("shop")] == ["proven"]


def test_what_is_served_and_what_a_source_sees_are_both_named(tmp_path: Path) -> None:
    world = Whole(tmp_path)
    older = world.authority.chain("shop.example.com", age=30)
    world.version("shop", older)
    world.serve(AT, world.chain)
    world.save()
    with pytest.raises(ClmError, match=r"web1\.example\.com:8443.*a source of the inventory found it"):
        world.work(seen=[Certificate.from_pem(older[0]).sha256]).begin(NullLedger())


def test_a_lineage_whose_standby_lives_does_not_end_before_it(tmp_path: Path) -> None:
    world = Whole(tmp_path, standby="other", consumers=["internal"])
    world.version("shop.standby", world.authority.chain("shop.example.com"))
    world.save()
    with pytest.raises(ClmError, match=r"shop keeps the standby shop.standby, so nothing was changed") as caught:
        world.work().begin(NullLedger())
    assert "certops.clm.retire -e clm_lineage=shop.standby" in caught.value.hint
    assert "nothing serves a version of shop.standby:" in world.work("shop.standby").begin(NullLedger()).message
    how: Dict[str, Any] = {"revokers": Revokers([]), "ledger": NullLedger(), "clock": lambda: NOW, "run_id": "r"}
    assert retire(Ending("shop.standby"), store=world.store, **how).state == "done"
    assert "nothing serves a version of shop:" in world.work().begin(NullLedger()).message
