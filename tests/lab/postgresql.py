# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL of a managed host: a cluster of its own, as user postgres where we are root, TLS by STARTTLS."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, List

from ..support.environment import which
from .server import Server

CONFIGURATION = """listen_addresses = '{address}'
port = {port}
unix_socket_directories = '{run}'
ssl = on
ssl_cert_file = '{certificate}'
ssl_key_file = '{key}'
fsync = off
max_connections = 50
logging_collector = off
"""


class Postgresql(Server):
    """The real PostgreSQL; one site, because a cluster has one certificate."""

    kind = "postgresql"
    program = "initdb"
    folder = "/etc/postgresql/tls"
    log = "/var/log/postgresql/postgresql.log"
    starttls = "postgresql"
    user = "postgres" if os.geteuid() == 0 else ""
    data = "/var/lib/postgresql/data"

    def configure(self) -> None:
        """Make the cluster on the first call, write postgresql.conf on each."""
        if not (self.host.real(self.data) / "PG_VERSION").exists():
            for folder in ("/var/lib/postgresql", "/var/log/postgresql", "/run/postgresql", "/etc/postgresql"):
                self.host.real(folder).mkdir(parents=True, exist_ok=True)
                self._own(folder)
            data = self.host.path(self.data)
            options = ["--auth", "trust", "--no-sync", "--username", "postgres"]
            self.host.run([self._tool("initdb"), "--pgdata", data, *options], user=self.user)
        self._own(self.folder)
        site = self.sites[0]
        text = CONFIGURATION.format(address=self.host.address, port=site.port, run=self.host.path("/run/postgresql"),
                                    certificate=self.certificate_file(site), key=self.key_file(site))
        self.host.write(f"{self.data}/postgresql.conf", text)
        self._own(f"{self.data}/postgresql.conf")

    def _own(self, inside: str) -> None:
        if self.user:
            shutil.chown(self.host.real(inside), self.user, self.user)

    def _tool(self, name: str) -> str:
        """Debian keeps the server's own programs outside PATH."""
        return which(name) or name

    def command(self) -> List[str]:
        """The postmaster in the foreground."""
        return [self._tool("postgres"), "-D", self.host.path(self.data)]

    def check(self) -> List[str]:
        """The server's own reading of its configuration; it does not read the certificate."""
        return self._as_user(self._tool("postgres"), "-D", self.host.path(self.data), "-C", "ssl_cert_file")

    def reload_option(self) -> Dict[str, Any]:
        """pg_ctl reload, which answers before the files are read."""
        return {"command": self._as_user(self._tool("pg_ctl"), "reload", "-D", self.host.path(self.data))}

    def _as_user(self, *command: str) -> List[str]:
        return [*(["runuser", "-u", self.user, "--"] if self.user else []), *command]

    def target(self, site: Any) -> Dict[str, Any]:
        """With the owner that the server insists on."""
        return {**super().target(site), **({"owner": self.user, "group": self.user} if self.user else {})}
