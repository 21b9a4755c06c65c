# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenLDAP of a managed host: StartTLS, and nothing in its directory. It takes a new certificate only when it starts."""

from __future__ import annotations

from typing import Any, Dict, List

from .server import Server

VERSION = ("OpenLDAP", "dpkg-query", "-Wf", "${Version}", "slapd")
CONFIGURATION = """pidfile {run}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
"""


class Slapd(Server):
    """The real slapd; one site, because a server has one certificate."""

    kind = "generic"
    program = "slapd"
    folder = "/etc/clm/tls"
    log = "/var/log/slapd.log"
    starttls = "ldap"

    def configure(self) -> None:
        """Write slapd.conf."""
        site = self.sites[0]
        text = CONFIGURATION.format(run=self.host.path("/run"), certificate=self.certificate_file(site), key=self.key_file(site))
        self.host.write("/etc/clm/slapd.conf", text)

    def command(self) -> List[str]:
        """In the foreground."""
        return ["slapd", "-d", "0", "-h", f"ldap://{self.host.address}:{self.sites[0].port}", "-f", self.host.path("/etc/clm/slapd.conf")]

    def check(self) -> List[str]:
        """Its own reading of its configuration."""
        return ["slapd", "-T", "test", "-u", "-f", self.host.path("/etc/clm/slapd.conf")]

    def reload_option(self) -> Dict[str, Any]:
        """It has none; the lab never rotates it."""
        return {"command": ["false"]}
