# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret store with versions of lineages, and places of the emulator that serve them: what tests of targets start from. Tier B."""

from __future__ import annotations

import itertools
import socket
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, StoredVersion, Version
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate

from .aws import Aws

WRITES = ("Import", "Modify", "Add", "Remove", "Delete", "Set", "Update", "Upload", "Create", "PUT", "PATCH", "POST", "DELETE")
_NUMBERS = itertools.count(1)  # of estates in this process, which share one emulator


def now() -> datetime:
    """The clock of an estate."""
    return datetime.now(timezone.utc)


class AwsEstate:
    """One lineage `shop` in a store, and what a test makes of it in the emulator; every estate has names and addresses of its own."""

    def __init__(self, aws: Aws, folder: Path) -> None:
        aws.faults()
        self.aws, self.now, self.number = aws, now, next(_NUMBERS)
        self.store = DirectoryStore(str(folder / "store"), clock=now, owner="tests")
        self.old = self.version("shop.example.com")
        self.new = self.version("shop.example.com")
        self.wrong_key = self.version("shop.example.com", key=ec.generate_private_key(ec.SECP256K1()))
        self._fronts: List[Dict[str, Any]] = []
        self.where: Dict[str, Any] = {}
        self.gone: Dict[str, Any] = {}

    def version(self, *names: str, lineage: str = "shop", key: Any = None, server: bool = True) -> Version:
        """One more version in the store."""
        issued = self.aws.ca.issue(names, key=key, server=server)
        lease: Any = self.store.begin(lineage, self.store.current(lineage))
        name, leaf = self.store.new_version(lineage), Certificate.from_pem(issued.leaf_pem)
        kept = StoredVersion(lineage, name, "proven", leaf.spki_sha256, leaf.sha256, issued.fullchain, key=Secret(issued.key_pem.encode()))
        self.store.save(lease, kept)
        self.store.promote(lease, name)
        self.store.end(lease)
        self.store.flush()
        ref = KeyRef(self.store.identity(), lineage, name, leaf.spki_sha256)
        return Version(leaf.sha256, issued.fullchain, leaf.spki_sha256, ref)

    def held(self, version: Version, region: Optional[str] = None, **tags: str) -> str:
        """The version in ACM as somebody else imported it; its ARN."""
        assert version.key is not None
        leaf, end, chain = version.chain_pem.partition("-----END CERTIFICATE-----\n")
        body = {"Certificate": leaf + end, "PrivateKey": self.store.key(version.key).reveal(), "CertificateChain": chain}
        more = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
        acm = self.aws.client("acm", region) if region else self.aws.client("acm")
        return str(acm.import_certificate(**body, **more)["CertificateArn"])

    def serve(self, place: str, *behaviour: Dict[str, Any], name: str = "shop.example.com") -> Dict[str, Any]:
        """An endpoint that serves the place, with one address for each behaviour."""
        number = f"{self.number}.{len(self._fronts)}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        addresses = [{"address": f"127.{number}.{at}", **one} for at, one in enumerate(behaviour or ({}, {}), 1)]
        self._fronts.append({"place": place, "port": port, "addresses": addresses})
        self.aws.front(self._fronts[-1])
        return {"host": addresses[0]["address"], "port": port, "server_name": name, "addresses": [one["address"] for one in addresses]}

    def freeze(self) -> None:
        """No address takes a change any more."""
        for one in self._fronts:
            self.aws.front({**one, "addresses": [{"address": spot["address"], "never": True} for spot in one["addresses"]]})

    def writes(self) -> int:
        """How many calls so far that change something."""
        return sum(count for name, count in self.aws.calls().items() if name.split(":")[1].startswith(WRITES))

    def place(self, endpoint: Dict[str, Any], **where: Any) -> Dict[str, Any]:
        """A place as the flow hands it to a target."""
        return {"id": "shop-aws", "lineage": "shop", "endpoints": [endpoint], "labels": {"owner": "team-web"}, **where}

    def bound(self, listener: str) -> Sequence[str]:
        """The ARNs of a listener, the default first."""
        rows = self.aws.client("elbv2").describe_listener_certificates(ListenerArn=listener)["Certificates"]
        return [one["CertificateArn"] for one in sorted(rows, key=lambda one: not one["IsDefault"])]
