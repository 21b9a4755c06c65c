# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real bind9 on loopback: primary and secondary of zones that take updates signed by TSIG, and a zone that delegates by CNAME.

    with bind(tmp_path / "dns") as dns:
        dns.challenge()          # the challenge dns_01_rfc2136 for it
        dns.texts("lab.example") # TXT records of _acme-challenge.lab.example
"""

from __future__ import annotations

import base64
import os
import random
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

import dns.exception
import dns.message
import dns.query
import dns.tsig
import dns.update

from ..support.environment import not_there, program
from .host import stop, wait_for

VERSION = ("bind", "named", "-v")
KEY = base64.b64encode(b"a TSIG key for tests, 32 bytes..").decode()
# It resolves, so that it follows a CNAME into another zone, and can ask nobody else: nothing leaves loopback.
OPTIONS = """options {{ directory "{place}"; pid-file "{place}/named.pid"; session-keyfile "{place}/session.key";
  listen-on port 53 {{ {address}; }};
  listen-on-v6 {{ none; }}; recursion yes; allow-recursion {{ any; }};
  forward only; forwarders {{ 127.0.0.1 port 9; }}; dnssec-validation no; allow-transfer {{ any; }}; notify {notify};
  notify-source {address}; transfer-source {address}; allow-notify {{ any; }}; }};
controls {{ }};
key "certops" {{ algorithm hmac-sha256; secret "{key}"; }};
"""
ZONE = """$TTL 60
@ IN SOA ns1.{zone}. hostmaster.{zone}. 1 60 60 600 60
@ IN NS ns1.{zone}.
@ IN NS ns2.{zone}.
ns1 IN A {primary}
ns2 IN A {secondary}
@ IN A 127.0.0.1
* IN A 127.0.0.1
{more}
"""
# Zone -> its own records. acme.example takes the challenges that delegated.example sends there; of refused.example nothing is taken.
ZONES = {
    "lab.example": "",
    "acme.example": "",
    "delegated.example": "_acme-challenge IN CNAME here.acme.example.\n_acme-challenge.www IN CNAME here.acme.example.",
    "refused.example": "",
}


class Bind:
    """Two name servers, both at port 53 of an address of their own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        block = f"127.{random.randint(32, 250)}.{random.randint(1, 250)}"
        self.primary, self.secondary = f"{block}.53", f"{block}.54"
        self.key_file = place / "tsig.key"
        self._running: List[subprocess.Popen[bytes]] = []

    def start(self) -> Bind:
        """Both answer."""
        for name, address, notify in (("primary", self.primary, "yes"), ("secondary", self.secondary, "no")):
            self._address("add", address)
            folder = self.place / name
            folder.mkdir(parents=True)
            head = OPTIONS.format(place=folder, address=address, notify=notify, key=KEY)
            (folder / "named.conf").write_text(head + "".join(self._zone(zone, folder) for zone in ZONES))
            argv = [program("named"), "-g", "-u", "root", "-c", str(folder / "named.conf")]
            with (folder / "log").open("wb") as log:
                self._running.append(subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
            wait_for(lambda address=address: self._answers(address), f"bind at {address} ({self.place})", seconds=40)
        self.key_file.write_text(KEY + "\n")
        self.key_file.chmod(0o600)
        return self

    def _address(self, act: str, address: str) -> None:
        """named listens on addresses that an interface has, so they are given to the loopback interface for the time."""
        done = subprocess.run([program("ip"), "address", act, f"{address}/32", "dev", "lo"], capture_output=True, text=True, check=False)
        if done.returncode and act == "add":
            not_there("named", f"this machine lets nobody give addresses to its loopback interface: {done.stderr.strip()}")

    def _zone(self, zone: str, folder: Path) -> str:
        if folder.name == "secondary":
            return f'zone "{zone}" {{ type secondary; primaries {{ {self.primary}; }}; file "{folder}/{zone}"; }};\n'
        text = ZONE.format(zone=zone, primary=self.primary, secondary=self.secondary, more=ZONES[zone])
        (folder / zone).write_text(text)
        taken = "" if zone == "refused.example" else "update-policy { grant certops zonesub TXT; };"
        return f'zone "{zone}" {{ type primary; file "{folder}/{zone}"; also-notify {{ {self.secondary}; }}; {taken} }};\n'

    def _answers(self, address: str) -> bool:
        try:
            return all(self._ask(address, f"{zone}.", "SOA") for zone in ZONES)
        except (OSError, dns.exception.DNSException):
            return False

    @staticmethod
    def _ask(address: str, name: str, kind: str) -> List[str]:
        answer = dns.query.udp(dns.message.make_query(name, kind), address, timeout=2)
        return [row.to_text() for rrset in answer.answer for row in rrset]

    def texts(self, name: str) -> List[str]:
        """The TXT records of its challenges."""
        return self._ask(self.primary, f"_acme-challenge.{name}." if not name.startswith("_") else f"{name[1:]}.", "TXT")

    def add_text(self, name: str, text: str) -> None:
        """One more TXT record of the name's challenges, as another client would add it."""
        update = self._update()
        update.add(f"_acme-challenge.{name}.", 60, "TXT", f'"{text}"')
        dns.query.tcp(update, self.primary, timeout=5)

    def drop_texts(self, name: str) -> None:
        """No TXT record of the name's challenges."""
        update = self._update()
        update.delete(f"_acme-challenge.{name}.", "TXT")
        dns.query.tcp(update, self.primary, timeout=5)

    @staticmethod
    def _update() -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage("lab.example.", keyring=dns.tsig.Key("certops", KEY, "hmac-sha256"))

    def challenge(self, **more: Any) -> Dict[str, Any]:
        """Options of the challenge."""
        return {"type": "dns_01_rfc2136", "server": self.primary, "tsig_name": "certops", "tsig_key_file": str(self.key_file),
                "resolvers": [self.primary], "propagation_timeout": 30, **more}

    def stop(self, number: int = -1) -> None:
        """Both end, or only that one."""
        for process in self._running if number < 0 else self._running[number : number + 1]:
            stop(process)
        if number < 0:
            for address in (self.primary, self.secondary):
                self._address("del", address)


@contextmanager
def bind(place: Path) -> Iterator[Bind]:
    """Both run until the end of the block."""
    if os.geteuid():
        not_there("named", "port 53 needs root")
    found = Bind(place)
    try:
        yield found.start()
    finally:
        found.stop()
