# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stunnel of a managed host, reload by SIGHUP. Nothing listens behind it: it is about the handshake.

Its socket is handed to it as systemd's socket activation does: one that it opened itself it closes and opens again at each reload,
and who waits in its queue then sees a reset (measured with 5.68: one of twenty connections).
"""

from __future__ import annotations

import sys
from typing import Any, Dict, List

from .server import Server

VERSION = ("stunnel", "stunnel4", "-version")
CONFIGURATION = """foreground = yes
pid = {pid}
"""
ACTIVATE = """import os, socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=100)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[3], sys.argv[3:])
"""
SERVICE = """[{name}]
accept = {address}:{port}
connect = {address}:1
cert = {certificate}
key = {key}
"""


class Stunnel(Server):
    """The real stunnel; one site, for it is one socket."""

    kind = "stunnel"
    program = "stunnel4"
    folder = "/etc/stunnel/tls"
    log = "/var/log/stunnel.log"

    def configure(self) -> None:
        """Write stunnel.conf."""
        site = self.sites[0]
        service = SERVICE.format(name=site.name, address=self.host.address, port=site.port, certificate=self.certificate_file(site),
                                 key=self.key_file(site))
        self.host.write("/etc/stunnel/stunnel.conf", CONFIGURATION.format(pid=self.host.path("/run/stunnel.pid")) + service)

    def command(self) -> List[str]:
        """In the foreground."""
        started = [self.host.address, str(self.sites[0].port), "stunnel4", self.host.path("/etc/stunnel/stunnel.conf")]
        return [sys.executable, "-c", ACTIVATE, *started]

    def check(self) -> List[str]:
        """It has none."""
        return []

    def reload_option(self) -> Dict[str, Any]:
        """SIGHUP: configuration and certificates are read again."""
        return {"signal": "HUP", "pid_file": self.host.path("/run/stunnel.pid")}
