# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Postfix of a managed host: an SMTP server with STARTTLS, which takes mail for nobody."""

from __future__ import annotations

import shutil
from typing import Any, Dict, List

from .server import Server

VERSION = ("Postfix", "postconf", "-dh", "mail_version")
MAIN = """compatibility_level = 3.6
queue_directory = {spool}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = {name}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {log}
maillog_file_prefixes = /var
smtpd_client_connection_rate_limit = 0
smtpd_tls_security_level = may
smtpd_tls_session_cache_database =
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
"""
MASTER = """{address}:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""
OWN = ("dynamicmaps.cf", "post-install", "postfix-files", "postfix-script")  # that the package keeps beside the configuration


class Postfix(Server):
    """The real Postfix; one site, because a server has one certificate. It needs root, and a view of its own."""

    kind = "postfix"
    program = "postfix"
    folder = "/etc/postfix/tls"
    log = "/var/log/postfix.log"
    starttls = "smtp"
    patience = 60.0

    def configure(self) -> None:
        """Write main.cf and master.cf."""
        site, path = self.sites[0], self.host.path
        self.host.real("/srv/spool").mkdir(parents=True, exist_ok=True)
        data = self.host.real("/srv/postfix")
        data.mkdir(parents=True, exist_ok=True)
        shutil.chown(data, "postfix")
        text = MAIN.format(spool=path("/srv/spool"), data=path("/srv/postfix"), name=site.names[0],
                           log=path(self.log), certificate=self.certificate_file(site), key=self.key_file(site))
        self.host.write("/etc/postfix/main.cf", text)
        self.host.write("/etc/postfix/master.cf", MASTER.format(address=self.host.address, port=site.port))
        for name in OWN:
            shutil.copy(f"/etc/postfix/{name}", self.host.real(f"/etc/postfix/{name}"))

    def command(self) -> List[str]:
        """In the foreground."""
        return ["postfix", "start-fg"]

    def check(self) -> List[str]:
        """postfix check."""
        return ["postfix", "check"]

    def reload_option(self) -> Dict[str, Any]:
        """postfix reload, which answers before the servers are new."""
        return {"command": ["postfix", "reload"]}
