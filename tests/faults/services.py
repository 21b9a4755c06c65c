# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAs that a row asks over the network: each behind the proxy that can make a bad day of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.certops.clm.tests.lab.pebble import HOME, Pebble

from .ca_proxy import CERTIFICATE, FINALIZE, CaProxy

MOST = 120  # requests to a CA in a whole cell, of which an honest one needs about a dozen for each run


class AcmeCa:
    """A Pebble for the life of a World; its certificates end at its own root."""

    def __init__(self, place: Path, manifest: Dict[str, Any]) -> None:
        self.pebble = Pebble(place / "pebble").start()
        self.pebble.dns_says("set-default-ipv6", ip="")
        self.proxy = CaProxy(place, HOME, (HOME, self.pebble.ports["acme"]), self.pebble.ca_file, place / "ca" / "issued.jsonl")
        (place / "ca" / "root.pem").write_bytes(self.pebble.root_file.read_bytes())
        options = self.pebble.issuer(directory=self.proxy.directory, ca_file=str(self.proxy.ca_file))
        manifest["issuers"] = {"internal": {"type": "acme", **options}}
        manifest["profiles"] = {"web": {}}

    def stop(self) -> None:
        """Nothing of it lives on."""
        self.proxy.close()
        self.pebble.stop()

    def wrong(self) -> List[str]:
        """A certificate that was ordered to its end and never fetched is lost, and nobody hammers on a CA."""
        finalized, fetched = ({path for path in self.proxy.passed if path.startswith(start[:-1])} for start in (FINALIZE, CERTIFICATE))
        lost = ["F13: an order was finalized, and no certificate was fetched"] if finalized and not fetched else []
        return lost + ([f"F13: the CA was asked {len(self.proxy.asked)} times"] if len(self.proxy.asked) > MOST else [])
