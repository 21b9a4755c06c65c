# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB of a managed host, as user mysql where we are root; TLS behind its own greeting, told by FLUSH SSL."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, List

from .server import Server, Site

VERSION = ("MariaDB", "mariadbd", "--version")
CONFIGURATION = """[client]
socket = {run}/mysqld.sock
user = root
[mysqld]
datadir = {data}
socket = {run}/mysqld.sock
pid-file = {run}/mysqld.pid
bind-address = {address}
port = {port}
ssl_cert = {certificate}
ssl_key = {key}
skip-name-resolve
innodb_buffer_pool_size = 16M
innodb_flush_log_at_trx_commit = 0
"""


class Mariadb(Server):
    """The real MariaDB; one site, because a server has one certificate."""

    kind = "mariadb"
    program = "mariadbd"
    folder = "/etc/mysql/tls"
    log = "/var/log/mysql/error.log"
    starttls = "mysql"
    user = "mysql" if os.geteuid() == 0 else ""
    data = "/srv/mysql"
    patience = 60.0

    def configure(self) -> None:
        """Make the databases on the first call, write my.cnf on each."""
        for folder in ("/var/log/mysql", "/run/mysqld", self.data, self.folder):
            self.host.real(folder).mkdir(parents=True, exist_ok=True)
            self._own(folder)
        site = self.sites[0]
        text = CONFIGURATION.format(run=self.host.path("/run/mysqld"), data=self.host.path(self.data), address=self.host.address,
                                    port=site.port, certificate=self.certificate_file(site), key=self.key_file(site))
        self.host.write("/etc/mysql/my.cnf", text)
        if not (self.host.real(self.data) / "mysql").exists():
            options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
            self.host.run(["mariadb-install-db", self._defaults(), *options], user=self.user)

    def _own(self, inside: str) -> None:
        if self.user:
            shutil.chown(self.host.real(inside), self.user, self.user)

    def _defaults(self) -> str:
        return f"--defaults-file={self.host.path('/etc/mysql/my.cnf')}"

    def command(self) -> List[str]:
        """In the foreground."""
        return ["mariadbd", self._defaults()]

    def check(self) -> List[str]:
        """It has none that reads certificates."""
        return []

    def reload_option(self) -> Dict[str, Any]:
        """FLUSH SSL, by the client that finds its socket in my.cnf."""
        return {"command": ["mariadb", *([] if self.host.isolated else [self._defaults()]), "--execute", "FLUSH SSL"]}

    def target(self, site: Site) -> Dict[str, Any]:
        """With the owner that can read the key."""
        return {**super().target(site), **({"owner": self.user, "group": self.user} if self.user else {})}
