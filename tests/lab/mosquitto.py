# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mosquitto of a managed host: one listener a site, reload by SIGHUP."""

from __future__ import annotations

from typing import Any, Dict, List

from .server import Server

VERSION = ("Mosquitto", "mosquitto", "-h")
CONFIGURATION = """user root
pid_file {pid}
allow_anonymous true
"""
LISTENER = """listener {port} {address}
certfile {certificate}
keyfile {key}
"""


class Mosquitto(Server):
    """The real Mosquitto."""

    kind = "mosquitto"
    program = "mosquitto"
    folder = "/etc/mosquitto/tls"
    log = "/var/log/mosquitto.log"

    def configure(self) -> None:
        """Write mosquitto.conf."""
        listeners = "".join(LISTENER.format(port=site.port, address=self.host.address, certificate=self.certificate_file(site),
                                            key=self.key_file(site)) for site in self.sites)
        self.host.write("/etc/mosquitto/mosquitto.conf", CONFIGURATION.format(pid=self.host.path("/run/mosquitto.pid")) + listeners)

    def command(self) -> List[str]:
        """In the foreground."""
        return ["mosquitto", "-c", self.host.path("/etc/mosquitto/mosquitto.conf")]

    def check(self) -> List[str]:
        """It has none."""
        return []

    def reload_option(self) -> Dict[str, Any]:
        """SIGHUP: the certificates are read again."""
        return {"signal": "HUP", "pid_file": self.host.path("/run/mosquitto.pid")}
