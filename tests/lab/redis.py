# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis of a managed host: TLS on its port, told through its local socket."""

from __future__ import annotations

from typing import Any, Dict, List

from .server import Server

VERSION = ("Redis", "redis-server", "--version")
CONFIGURATION = """port 0
tls-port {port}
bind {address}
unixsocket {socket}
dir {data}
save ""
tls-auth-clients no
tls-cert-file {certificate}
tls-key-file {key}
"""


class Redis(Server):
    """The real Redis; one site, because a server has one certificate."""

    kind = "redis"
    program = "redis-server"
    folder = "/etc/redis/tls"
    log = "/var/log/redis.log"

    def configure(self) -> None:
        """Write redis.conf."""
        site = self.sites[0]
        text = CONFIGURATION.format(port=site.port, address=self.host.address, socket=self._socket(), data=self.host.path("/srv"),
                                    certificate=self.certificate_file(site), key=self.key_file(site))
        self.host.write("/etc/redis/redis.conf", text)

    def _socket(self) -> str:
        return self.host.path("/run/redis.sock")

    def command(self) -> List[str]:
        """In the foreground."""
        return ["redis-server", self.host.path("/etc/redis/redis.conf")]

    def check(self) -> List[str]:
        """It has none."""
        return []

    def reload_option(self) -> Dict[str, Any]:
        """CONFIG SET of the same path reads certificate and key again."""
        words = ["CONFIG", "SET", "tls-cert-file", self.certificate_file(self.sites[0])]
        return {"command": ["redis-cli", "-s", self._socket(), "-e", *words]}
