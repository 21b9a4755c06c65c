# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every TLS server of the lab has: sites with an initial certificate, start, stop, reload, and its deployment target."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .ca import Issued, TestCA
from .client import can_connect
from .host import Host, stop, wait_for


@dataclass(frozen=True)
class Site:
    """One certificate on a server: its lineage's name, the names it must hold, and the port of its host's address."""

    name: str
    names: Tuple[str, ...]
    port: int = 8443


class Server:
    """A server of one host; a kind of server says its files, configuration, command, reload and target."""

    kind = ""
    program = ""
    layout = "fullchain"
    folder = ""
    log = ""
    user = ""
    starttls = "none"
    patience = 15.0  # seconds within which it has started

    def __init__(self, host: Host, sites: Sequence[Site], ca: TestCA) -> None:
        self.host, self.sites, self.ca = host, tuple(sites), ca
        self.initial: Dict[str, Issued] = {}
        self.process: Optional[subprocess.Popen[bytes]] = None

    # What a kind of server says.
    def configure(self) -> None:
        """Write the configuration for the sites."""
        raise NotImplementedError

    def command(self) -> List[str]:
        """The server in the foreground."""
        raise NotImplementedError

    def check(self) -> List[str]:
        """The server's own validation, as a manifest would name it."""
        raise NotImplementedError

    def reload_option(self) -> Dict[str, Any]:
        """The `reload` of a deployment target."""
        raise NotImplementedError

    # What they share.
    def certificate_file(self, site: Site) -> str:
        """Where the server reads the certificate, as the host calls it."""
        return self.host.path(f"{self.folder}/{site.name}.pem")

    def key_file(self, site: Site) -> str:
        """Where the server reads the key; the same file in the combined layout."""
        return self.host.path(f"{self.folder}/{site.name}{'.pem' if self.layout == 'combined' else '.key'}")

    def hold(self, site: Site, issued: Issued) -> None:
        """Put a certificate and its key where the site reads them, without telling the server."""
        combined = self.layout == "combined"
        chain = issued.fullchain + (issued.key_pem if combined else "")
        files = [self.host.write(f"{self.folder}/{site.name}.pem", chain, 0o600 if combined else 0o644)]
        if not combined:
            files.append(self.host.write(f"{self.folder}/{site.name}.key", issued.key_pem, 0o600))
        if self.user:
            for path in files:
                shutil.chown(path, self.user, self.user)

    def issue(self, site: Site, **ages: float) -> Issued:
        """A certificate for the site by the lab's own CA."""
        return self.ca.issue(site.names, **ages)

    def reset(self, *, days: float = 30, age_days: float = 1) -> None:
        """As on the first day: stopped, new initial certificates for all sites, configuration as it was, started."""
        self.stop()
        self.host.empty("/var/lib/certops-clm", "/tmp", "/root/.ansible", "/root/.ansible_async", self.folder)
        for site in self.sites:
            self.initial[site.name] = self.issue(site, days=days, age_days=age_days)
            self.hold(site, self.initial[site.name])
        self.configure()
        self.start()

    def start(self) -> None:
        """Running, and every site answers on its port: this server's, and not that of one which had not ended."""
        for site in self.sites:
            wait_for(lambda port=site.port: not can_connect(self.host.address, port), f"port {site.port} of {self.host.name} to be free")
        self.process = self.host.start(self.command(), self.log, user=self.user)
        for site in self.sites:
            wait_for(lambda port=site.port: self.running() and can_connect(self.host.address, port), f"{self.kind} of {self.host.name}",
                     seconds=self.patience)

    def running(self) -> bool:
        """Whether it lives; a server that ended by itself raises with its log."""
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"{self.kind} of {self.host.name} ended: {self.host.real(self.log).read_text(errors='replace')[-1500:]}")
        return self.process is not None

    def stop(self) -> None:
        """Not running."""
        stop(self.process)
        self.process = None

    def reload(self) -> None:
        """What `reload_option` says, done by the test."""
        option = self.reload_option()
        if "command" in option:
            self.host.run(option["command"])
        else:
            pid = self.host.real(option["pid_file"].removeprefix(str(self.host.root))).read_text().split()[0]
            self.host.run(["/bin/kill", f"-{option['signal']}", pid])

    def target(self, site: Site) -> Dict[str, Any]:
        """The `target` of this site's deployment in a manifest."""
        return {"type": "server", "kind": self.kind, "layout": self.layout, "certificate_file": self.certificate_file(site),
                "key_file": self.key_file(site), "check": self.check(), "reload": self.reload_option()}

    def endpoint(self, site: Site) -> Dict[str, Any]:
        """The endpoint of this site in a manifest."""
        return {"host": self.host.address, "port": site.port, "server_name": site.names[0], "starttls": self.starttls}

    def deployment(self, site: Site) -> Dict[str, Any]:
        """The manifest's deployment of this site on this host."""
        return {"server": self.host.name, "target": self.target(site), "endpoints": [self.endpoint(site)]}
