# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""haproxy of a managed host, in master-worker mode: combined PEM files, reload by SIGUSR2, and its runtime socket."""

from __future__ import annotations

from typing import Any, Dict, List

from .server import Server, Site

CONFIGURATION = """global
  stats socket {socket} mode 600 level admin
  hard-stop-after 5s
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
{sites}"""
SITE = """frontend {name}
  bind {address}:{port} ssl crt {certificate}
  http-request return status 200 content-type text/plain string "{name}"
"""


class Haproxy(Server):
    """The real haproxy."""

    kind = "haproxy"
    program = "haproxy"
    layout = "combined"
    folder = "/etc/haproxy/certs"
    log = "/var/log/haproxy.log"

    def configure(self) -> None:
        """Write haproxy.cfg."""
        sites = "".join(SITE.format(name=site.name, address=self.host.address, port=site.port, certificate=self.certificate_file(site))
                        for site in self.sites)
        self.host.write("/etc/haproxy/haproxy.cfg", CONFIGURATION.format(socket=self.socket(), sites=sites))

    def socket(self) -> str:
        """The runtime socket, as the host calls it."""
        return self.host.path("/run/haproxy.sock")

    def command(self) -> List[str]:
        """Master and worker, in the foreground."""
        return ["haproxy", "-W", "-f", self.host.path("/etc/haproxy/haproxy.cfg"), "-p", self.host.path("/run/haproxy.pid")]

    def check(self) -> List[str]:
        """haproxy -c."""
        return ["haproxy", "-c", "-f", self.host.path("/etc/haproxy/haproxy.cfg")]

    def reload_option(self) -> Dict[str, Any]:
        """The master starts a new worker on SIGUSR2."""
        return {"signal": "USR2", "pid_file": self.host.path("/run/haproxy.pid")}

    def certificate_through_socket(self, site: Site) -> Dict[str, Any]:
        """The target of a deployment that changes the certificate through the runtime socket instead."""
        return {**self.target(site), "reload": {"haproxy_socket": self.socket()}}
