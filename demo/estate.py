# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate: nine servers of four services on 127.0.0.1, with certificates that somebody made by hand."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Sequence, Tuple, Type

from ..tests.lab.ca import TestCA
from ..tests.lab.client import connect, served
from ..tests.lab.haproxy import Haproxy
from ..tests.lab.host import PATH, Host
from ..tests.lab.nginx import Nginx
from ..tests.lab.postgresql import Postgresql
from ..tests.lab.server import Server, Site
from ..tests.lab.small import Small
from ..tests.lab.watcher import Watcher
from ..tests.support.environment import which

HERE = "127.0.0.1"  # the only loopback address of macOS, so servers differ by port


@dataclass(frozen=True)
class Service:
    """A lineage of the manifest; `days` are left of the hand-made certificate, which is `age_days` old."""

    names: Tuple[str, ...]
    criticality: str
    days: float
    age_days: float


SERVICES = {
    "shop": Service(("shop.demo.example", "www.shop.demo.example"), "high", 6.02, 84),
    "api": Service(("api.demo.example",), "high", 20.02, 70),
    "orders": Service(("orders.demo.example",), "critical", 24.02, 66),
    "wiki": Service(("wiki.demo.example",), "low", -1, 366),
    "promo": Service(("promo.demo.example",), "low", 11.02, 79),
}
LAYOUT: Dict[str, Tuple[Type[Server], str]] = {
    "web1": (Nginx, "shop"), "web2": (Nginx, "shop"), "web3": (Nginx, "shop"), "web4": (Nginx, "shop"),
    "lb1": (Haproxy, "api"), "app1": (Small, "api"), "app2": (Small, "api"),
    "db1": (Postgresql, "orders"), "wiki1": (Nginx, "wiki"),
}  # fmt: skip
FORGOTTEN = ("web1", "promo")  # a second certificate on a server that the manifest does not name
LEAF_ONLY = "web4"
SABOTAGED = "app1"


class StandIn(Small):
    """The demo's own TLS server in the place of a program that is not here: the same files, its own check and reload."""

    def __init__(self, host: Host, sites: Sequence[Site], ca: TestCA, role: Type[Server]) -> None:
        super().__init__(host, sites, ca)
        self.layout, self.starttls = role.layout, role.starttls


class Estate:
    """The servers, started by `start` and gone after `stop`."""

    def __init__(self, place: Path, *, stand_ins: bool) -> None:
        self.place, self.stand_ins = place, stand_ins
        self.ca = TestCA("made by hand")
        self.handmade = {name: self.ca.issue(one.names, days=one.days, age_days=one.age_days) for name, one in SERVICES.items()}
        self.servers: Dict[str, Server] = {}
        self.programs: Dict[str, str] = {}  # server -> what runs there, as a person calls it
        self.missing: Dict[str, str] = {}  # program -> why the demo's own server stands in for it
        self.python = str(place / "python" / "bin" / "python")

    def start(self) -> None:
        """All servers run; where a program is not installed or does not start, the demo's own server stands in."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self.place / "python")], check=True)
        ports = iter(free_ports(len(LAYOUT) + 1))
        for name, (role, lineage) in LAYOUT.items():
            lineages = [lineage, *([FORGOTTEN[1]] if name == FORGOTTEN[0] else [])]
            sites = [Site(one, SERVICES[one].names, next(ports)) for one in lineages]
            self._start_one(name, role, sites)

    def _start_one(self, name: str, role: Type[Server], sites: Sequence[Site]) -> None:
        program = role.program and self._program(role)
        if program:
            try:
                self._first_day(name, role(self._host(name), sites, self.ca))
                self.programs[name] = version_of(program, role.kind)
                return
            except (OSError, RuntimeError, TimeoutError) as error:
                self._undo(name)
                self.missing[role.kind] = f"it did not start here: {str(error).splitlines()[0]}"
        self._first_day(name, StandIn(self._host(name), sites, self.ca, role))
        self.programs[name] = f"stand-in for {role.kind}" if role.program else "the demo's TLS server"

    def _undo(self, name: str) -> None:
        server = self.servers.pop(name, None)
        if server:
            server.stop()
        shutil.rmtree(self.place / name, ignore_errors=True)

    def _program(self, role: Type[Server]) -> str:
        """The path of the server's program, empty when it cannot be had; the reason is kept."""
        if self.stand_ins:
            self.missing[role.kind] = "stand-ins were asked for"
        found = which("postgres") if role is Postgresql else shutil.which(role.program, path=PATH)
        if role is Postgresql and role.user and not (shutil.which("setpriv") and shutil.which("runuser")):
            found = None  # it refuses root
        if not found:
            self.missing.setdefault(role.kind, "not installed")
        return "" if role.kind in self.missing else str(found)

    def _host(self, name: str) -> Host:
        host = Host(name, HERE, self.place / name, isolated=False)
        host.place.mkdir()
        host.boot()
        return host

    def _first_day(self, name: str, server: Server) -> None:
        self.servers[name] = server
        for site in server.sites:
            issued = self.handmade[site.name]
            server.hold(site, replace(issued, issuers=()) if name == LEAF_ONLY else issued)
        server.configure()
        server.start()

    def stop(self, logs: Path) -> None:
        """Nothing runs any more; what the servers logged is kept in the folder `logs`."""
        for name, server in self.servers.items():
            server.stop()
            log = server.host.real(server.log)
            if log.is_file():
                logs.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(log, logs / f"{name}.log")

    # What the demo looks at.
    def site(self, name: str) -> Site:
        """The managed certificate of a server."""
        return self.servers[name].sites[0]

    def healthy(self, name: str) -> bool:
        """Whether a client that trusts the CA of the hand-made certificates accepts the server."""
        try:
            with connect(HERE, self.site(name).port, self.site(name).names[0], anchors=self.ca.root_pem, starttls=self._starttls(name)):
                return True
        except OSError:
            return False

    def served(self, name: str) -> str:
        """SHA-256 that a new connection is shown now."""
        return served(HERE, self.site(name).port, self.site(name).names[0], starttls=self._starttls(name))

    def file(self, name: str) -> str:
        """What stands in the server's certificate file now."""
        return Path(self.servers[name].certificate_file(self.site(name))).read_text()

    def _starttls(self, name: str) -> str:
        return self.servers[name].starttls

    def condition(self, name: str) -> str:
        """What is the matter with the hand-made certificate, for people."""
        days = SERVICES[self.site(name).name].days
        return (f"{days:.0f} days left" if days > 0 else "expired yesterday") + (", intermediate missing" if name == LEAF_ONLY else "")

    def watchers(self, anchors: str) -> Dict[str, Watcher]:
        """A client for each server that is healthy now, and for the forgotten certificate; it trusts also `anchors` (PEM)."""
        places = {name: (self.site(name), self._starttls(name)) for name in self.servers if self.healthy(name)}
        places[FORGOTTEN[1]] = self.servers[FORGOTTEN[0]].sites[1], "none"
        trusted = self.ca.root_pem + anchors
        return {
            name: Watcher(HERE, site.port, site.names[0], anchors=trusted, starttls=starttls, interval=0.25)
            for name, (site, starttls) in places.items()
        }

    def real(self) -> Dict[str, str]:
        """The servers that run a real program, with its version."""
        return {name: text for name, text in self.programs.items() if not isinstance(self.servers[name], Small)}

    def sabotage(self, *words: str) -> None:
        """The app server's reload says ok and does nothing (`keep_old`), or is honest again (no word)."""
        server = self.servers[SABOTAGED]
        assert isinstance(server, Small)
        server.sabotage(*words)


def free_ports(count: int) -> List[int]:
    """That many ports of 127.0.0.1 on which nothing listens."""
    holders = [socket.socket() for _each in range(count)]
    for holder in holders:
        holder.bind((HERE, 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def version_of(program: str, kind: str) -> str:
    """`nginx 1.22.1`."""
    option = {"nginx": "-v", "haproxy": "-v", "postgresql": "--version"}[kind]
    done = subprocess.run([program, option], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return f"{'PostgreSQL' if kind == 'postgresql' else kind} {found.group() if found else ''}".strip()
