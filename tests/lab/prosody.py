# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prosody of a managed host: XMPP for the clients of one name, reload by SIGHUP."""

from __future__ import annotations

from typing import Any, Dict, List

from .server import Server

VERSION = ("Prosody", "dpkg-query", "-Wf", "${Version}", "prosody")
CONFIGURATION = """run_as_root = true
daemonize = false
pidfile = "{run}/prosody.pid"
data_path = "{data}"
interfaces = {{ "{address}" }}
local_interfaces = {{ "{address}" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
modules_enabled = {{ "tls", "saslauth" }}
modules_disabled = {{ "s2s" }}
log = "*console"
VirtualHost "{name}"
  ssl = {{ certificate = "{certificate}"; key = "{key}" }}
"""


class Prosody(Server):
    """The real Prosody, as a server that the product knows nothing of but files and a reload."""

    kind = "generic"
    program = "prosody"
    folder = "/etc/clm/tls"
    log = "/var/log/prosody.log"
    starttls = "xmpp"

    def configure(self) -> None:
        """Write prosody.cfg.lua."""
        site, path = self.sites[0], self.host.path
        text = CONFIGURATION.format(run=path("/run"), data=path("/srv"), address=self.host.address, port=site.port, name=site.names[0],
                                    certificate=self.certificate_file(site), key=self.key_file(site))
        self.host.write("/etc/clm/prosody.cfg.lua", text)

    def command(self) -> List[str]:
        """In the foreground."""
        return ["prosody", "--config", self.host.path("/etc/clm/prosody.cfg.lua")]

    def check(self) -> List[str]:
        """luac would do; it has none that reads certificates."""
        return []

    def reload_option(self) -> Dict[str, Any]:
        """SIGHUP: configuration and certificates are read again."""
        return {"signal": "HUP", "pid_file": self.host.path("/run/prosody.pid")}
