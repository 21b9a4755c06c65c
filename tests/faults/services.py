# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAs that a row asks over the network: each behind the proxy that can make a bad day of it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.certops.clm.tests.lab.bind import Bind
from ansible_collections.certops.clm.tests.lab.pebble import HOME, Pebble

from .ca_proxy import CERTIFICATE, FINALIZE, CaProxy

MOST = 120  # requests to a CA in a whole cell, of which an honest one needs about a dozen for each run


class AcmeCa:
    """A Pebble for the life of a World; its certificates end at its own root."""

    def __init__(self, place: Path, manifest: Dict[str, Any], dns: str = "", **more: Any) -> None:
        self.place = place
        self.pebble = Pebble(place / "pebble", dns=dns).start()
        if not dns:
            self.pebble.dns_says("set-default-ipv6", ip="")
        self.proxy = CaProxy(place, HOME, (HOME, self.pebble.ports["acme"]), self.pebble.ca_file, place / "ca" / "issued.jsonl")
        (place / "ca" / "root.pem").write_bytes(self.pebble.root_file.read_bytes())
        options = self.pebble.issuer(directory=self.proxy.directory, ca_file=str(self.proxy.ca_file), **more)
        manifest["issuers"] = {"internal": {"type": "acme", **options}}
        manifest["profiles"] = {"web": {}}

    def first_day(self) -> None:
        """Nothing to keep: a CA only adds."""

    def look(self) -> None:
        """What invariants look at lies on this machine."""

    def reset(self) -> None:
        """As on the day after the first rotation."""
        self.proxy.honest()

    def stop(self) -> None:
        """Nothing of it lives on."""
        self.proxy.close()
        self.pebble.stop()

    def wrong(self) -> List[str]:
        """A certificate that was ordered to its end and neither fetched nor remembered is lost, and nobody hammers on a CA."""
        finalized, fetched = ({path for path in self.proxy.passed if path.startswith(start[:-1])} for start in (FINALIZE, CERTIFICATE))
        orders = {path.replace(FINALIZE[:-1], "/my-order/") for path in finalized}
        kept = "".join(path.read_text() for path in self.place.glob("store/lineages/*/versions/*/*.json"))
        forgotten = not fetched and any(order not in kept for order in orders)
        lost = ["F13: an order was finalized, its certificate was not fetched, and no version names it"] if forgotten else []
        return lost + ([f"F13: the CA was asked {len(self.proxy.asked)} times"] if len(self.proxy.asked) > MOST else [])


class AcmeByDns(AcmeCa):
    """The same, whose names are proven by TXT records: Pebble asks the primary of two name servers."""

    name = "api.lab.example"
    foreign = "a value of another client"

    def __init__(self, place: Path, manifest: Dict[str, Any]) -> None:
        self.dns = Bind(place / "dns").start()
        self.expected: List[str] = []
        super().__init__(place, manifest, f"{self.dns.primary}:53", challenge=self.dns.challenge(propagation_timeout=4))

    def reset(self) -> None:
        super().reset()
        self.join()
        self.dns.drop_texts(self.name)
        self.expected = []

    def stop(self) -> None:
        super().stop()
        self.join()
        self.dns.stop()

    def texts(self) -> List[str]:
        """The challenge's records, but those that have to be there."""
        return [one for one in self.dns.texts(self.name) if one not in self.expected]

    def add_foreign(self) -> None:
        """A value that is nobody's business stays through it all."""
        self.dns.add_text(self.name, self.foreign)
        self.expected = [f'"{self.foreign}"']

    def split(self) -> None:
        """The name servers do not hear of each other."""
        pairs = ((self.dns.primary, self.dns.secondary), (self.dns.secondary, self.dns.primary))
        drops = " ".join(f"ip saddr {one} ip daddr {other} drop;" for one, other in pairs)
        rules = f"table inet {self._table} {{ chain input {{ type filter hook input priority 0; {drops} }}; }}\n"
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)

    def join(self) -> None:
        subprocess.run(["nft", "delete", "table", "inet", self._table], check=False, capture_output=True)

    @property
    def _table(self) -> str:
        return f"clm_faults_{self.dns.primary.replace('.', '_')}"

    def wrong(self) -> List[str]:
        """No record of ours is left, and everybody else's is."""
        left, there = self.texts(), self.dns.texts(self.name)
        broken = [f"F28: left in the DNS: {left}"] if left else []
        broken += ["F28: the record of another client is gone"] if any(one not in there for one in self.expected) else []
        return super().wrong() + broken
