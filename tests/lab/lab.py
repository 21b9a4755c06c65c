# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: managed hosts behind one sshd, their real servers, and an inventory that reaches them."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

from ansible_collections.certops.clm.tools import environment

from ..support.environment import not_there, which
from .ca import TestCA
from .client import served
from .haproxy import Haproxy
from .holder import Holder
from .host import Host, can_isolate
from .nginx import Nginx
from .postgresql import Postgresql
from .server import Server, Site
from .small import Small
from .sshd import Sshd
from .watcher import Watcher

SHOP = Site("shop", ("shop.lab.example", "www.shop.lab.example"))
# Host -> its server and sites. shop is one lineage on three servers; web1 has a second deployment.
LAYOUT: Dict[str, Tuple[Type[Server], Tuple[Site, ...]]] = {
    "web1": (Nginx, (SHOP, Site("blog", ("blog.lab.example",), 8444))),
    "web2": (Nginx, (SHOP,)),
    "web3": (Nginx, (SHOP,)),
    "lb1": (Haproxy, (Site("edge", ("edge.lab.example",)),)),
    "db1": (Postgresql, (Site("orders", ("db1.lab.example",), 5432),)),
    "app1": (Small, (Site("api", ("api.lab.example",)),)),
}
MANAGED_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def managed_python(place: Path, keep_code: bool = False) -> str:
    """An interpreter without any third-party package, of the oldest Python >= 3.9 that this machine has.

    With `keep_code` it keeps the byte code of what modules bring along (kept_code.py).
    """
    for version in MANAGED_PYTHONS:
        base = environment.find_python(version)
        if base:
            subprocess.run([base, "-m", "venv", "--without-pip", str(place)], check=True)
            if keep_code:
                (place / "kept").mkdir()
                packages = place / "lib" / f"python{version}" / "site-packages"
                shutil.copy(Path(__file__).with_name("kept_code.py"), packages / "sitecustomize.py")
            return str(place / "bin" / "python")
    not_there("python", "no Python of 3.9 or newer for managed hosts")


class Lab:
    """Started once a session; `reset` makes it as new for each test."""

    def __init__(self, layout: Optional[Dict[str, Tuple[Type[Server], Tuple[Site, ...]]]] = None, *, keep_code: bool = False) -> None:
        self.layout = LAYOUT if layout is None else layout
        self.place = Path(tempfile.mkdtemp(prefix="clm-lab-", dir="/var/tmp"))
        self.place.chmod(0o711)
        self.isolated = can_isolate()
        self.ca = TestCA()
        block = f"127.{random.randint(32, 250)}.{random.randint(0, 255)}"  # labs of two workers do not meet
        self.hosts = {name: Host(name, f"{block}.{number}", self.place / name, isolated=self.isolated)
                      for number, name in enumerate(self.layout, 1)}
        self.servers: Dict[str, Server] = {}
        self.sshd = Sshd(self.place / "ssh", list(self.hosts.values()))
        self.python, self.keep_code = "", keep_code  # not where time is measured, or where each write of a host counts

    def start(self) -> Lab:
        """Hosts and sshd; servers start at the first `reset`."""
        self.python = managed_python(self.place / "python", self.keep_code)
        for host in self.hosts.values():
            host.place.mkdir()
            host.boot()
        self.sshd.start()
        for name, (kind, sites) in self.layout.items():
            if not kind.program or which(kind.program):
                self.servers[name] = kind(self.hosts[name], sites, self.ca)
        return self

    def reset(self) -> Lab:
        """All hosts reachable, all servers on their first day."""
        for host in self.hosts.values():
            host.mend()
        for server in self.servers.values():
            server.reset()
        return self

    def stop(self) -> None:
        """Nothing of the lab lives on, no folder stays."""
        for server in self.servers.values():
            server.stop()
        self.sshd.stop()
        for host in self.hosts.values():
            host.halt()
        shutil.rmtree(self.place, ignore_errors=True)

    def server(self, name: str) -> Server:
        """The server of that host; where its program is not installed the test skips or fails."""
        if name not in self.servers:
            program = self.layout[name][0].program
            not_there("psql" if program == "initdb" else program)
        return self.servers[name]

    def site(self, host: str, name: str = "") -> Site:
        """A site of that host by name; without one its first."""
        return next(site for site in self.server(host).sites if name in ("", site.name))

    def served(self, host: str, name: str = "", *, verify: bool = True) -> str:
        """SHA-256 that the site shows a new connection; `verify` holds it to the lab's root and its name."""
        site = self.site(host, name)
        anchors = self.ca.root_pem if verify else None
        return served(self.hosts[host].address, site.port, site.names[0], anchors=anchors, starttls=self.server(host).starttls)

    def watcher(self, host: str, name: str = "", *, anchors: str = "", interval: float = 0.01) -> Watcher:
        """A client that opens new connections to the site, `interval` seconds apart; `anchors`: more roots than the lab's (PEM)."""
        site = self.site(host, name)
        where = (self.hosts[host].address, site.port, site.names[0])
        return Watcher(*where, anchors=self.ca.root_pem + anchors, starttls=self.server(host).starttls, interval=interval)

    def holder(self, host: str, *, anchors: str = "") -> Holder:
        """A client that keeps its connection to the first site of the host, and asks on it all the time."""
        site, server = self.site(host), self.server(host)
        where = (self.hosts[host].address, site.port, site.names[0])
        return Holder(server.kind, *where, anchors=self.ca.root_pem + anchors, starttls=server.starttls)

    def inventory(self, names: Sequence[str] = (), **more: Any) -> Dict[str, Any]:
        """An inventory of these hosts (all without names) as data; `more` are variables of all."""
        hosts = {name: self.hosts[name].variables() for name in (names or self.hosts)}
        own = {**self.sshd.variables(), "ansible_python_interpreter": self.python, "ansible_pipelining": True, **more}
        return {"all": {"children": {"lab": {"hosts": hosts, "vars": own}}}}

    def write_inventory(self, path: Path, names: Sequence[str] = (), **more: Any) -> Path:
        """That inventory as a file (JSON is YAML)."""
        path.write_text(json.dumps(self.inventory(names, **more), indent=1))
        return path

    def deployments(self, lineage: str) -> List[Dict[str, Any]]:
        """The manifest's deployments of that lineage: one for each server that has the site."""
        return [server.deployment(site) for server in self.servers.values() for site in server.sites if site.name == lineage]
