# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Caddy of a managed host: one site block a site with certificate files, and nothing that it would fetch by itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List

from .server import Server

VERSION = ("Caddy", "caddy", "version")
CONFIGURATION = """{{
  admin {address}:2019
  auto_https off
  storage file_system {data}
}}
"""
SITE = """https://{name}:{port} {{
  bind {address}
  tls {certificate} {key}
  respond "{site}"
}}
"""
# What guide_servers.rst tells the users of Caddy: a reload opens its sockets anew and closes the old ones, and by this setting the
# kernel hands on who waits in them. It is the machine's, not the host's; nothing else minds it.
MIGRATE = Path("/proc/sys/net/ipv4/tcp_migrate_req")


class Caddy(Server):
    """The real Caddy."""

    kind = "caddy"
    program = "caddy"
    folder = "/etc/caddy/tls"
    log = "/var/log/caddy.log"

    def configure(self) -> None:
        """Write the Caddyfile."""
        with suppress(OSError):  # where it is not ours to set, a reload may be seen
            MIGRATE.write_text("1\n")
        sites = "".join(SITE.format(name=site.names[0], port=site.port, address=self.host.address, certificate=self.certificate_file(site),
                                    key=self.key_file(site), site=site.name) for site in self.sites)
        self.host.write("/etc/caddy/Caddyfile", CONFIGURATION.format(address=self.host.address, data=self.host.path("/srv/caddy")) + sites)

    def _caddy(self, *words: str) -> List[str]:
        return ["env", f"HOME={self.host.path('/srv')}", "caddy", *words, "--config", self.host.path("/etc/caddy/Caddyfile")]

    def command(self) -> List[str]:
        """In the foreground."""
        return self._caddy("run")

    def check(self) -> List[str]:
        """caddy validate, which reads the certificates too."""
        return self._caddy("validate")

    def reload_option(self) -> Dict[str, Any]:
        """caddy reload; without --force it leaves alone what did not change in the Caddyfile."""
        return {"command": self._caddy("reload", "--force")}
