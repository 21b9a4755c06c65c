# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache httpd of a managed host: /etc/apache2/apache2.conf as on Debian, one virtual host a site, told by apachectl."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from .server import Server

VERSION = ("Apache httpd", "apache2", "-v")
MODULES = ("mpm_event", "authz_core", "ssl", "socache_shmcb")
CONFIGURATION = """ServerRoot {etc}
ServerName {name}
PidFile {run}/apache2.pid
DefaultRuntimeDir {run}
ErrorLog {log}
SSLSessionCache none
SSLSessionTickets off
User www-data
Group www-data
{modules}{listen}IncludeOptional sites-enabled/*.conf
"""
SITE = """<VirtualHost {address}:{port}>
  ServerName {name}
  SSLEngine on
  SSLCertificateFile {certificate}
  SSLCertificateKeyFile {key}
</VirtualHost>
"""


class Apache(Server):
    """The real Apache httpd."""

    kind = "apache"
    program = "apache2"
    folder = "/etc/apache2/tls"
    log = "/var/log/apache2/error.log"
    modules = Path("/usr/lib/apache2/modules")

    def configure(self) -> None:
        """Write apache2.conf, the environment of apachectl, and a file for each site."""
        path = self.host.path
        for folder in ("/var/log/apache2", "/run/apache2", "/run/lock"):
            self.host.real(folder).mkdir(parents=True, exist_ok=True)
        modules = "".join(f"LoadModule {name}_module {self.modules}/mod_{name}.so\n" for name in MODULES)
        listen = "".join(f"Listen {self.host.address}:{port}\n" for port in sorted({site.port for site in self.sites}))
        text = CONFIGURATION.format(etc=path("/etc/apache2"), run=path("/run/apache2"), log=path(self.log), name=self.sites[0].names[0],
                                    modules=modules, listen=listen)
        self.host.write("/etc/apache2/apache2.conf", text)
        self.host.write("/etc/apache2/envvars", "export APACHE_RUN_DIR=/run/apache2\n")
        for site in self.sites:
            text = SITE.format(address=self.host.address, port=site.port, name=site.names[0],
                               certificate=self.certificate_file(site), key=self.key_file(site))
            self.host.write(f"/etc/apache2/sites-enabled/{site.name}.conf", text)

    def _apache(self, *more: str) -> List[str]:
        return ["apache2", "-f", self.host.path("/etc/apache2/apache2.conf"), *more]

    def command(self) -> List[str]:
        """In the foreground."""
        return self._apache("-D", "FOREGROUND")

    def check(self) -> List[str]:
        """apachectl configtest."""
        return ["apachectl", "configtest"] if self.host.isolated else self._apache("-t")

    def reload_option(self) -> Dict[str, Any]:
        """apachectl graceful, which answers before the children are new."""
        return {"command": ["apachectl", "graceful"] if self.host.isolated else self._apache("-k", "graceful")}
