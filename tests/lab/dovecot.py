# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dovecot of a managed host: IMAP with STARTTLS, one certificate for all and one more for the name of each other site."""

from __future__ import annotations

from typing import Any, Dict, List

from .server import Server, Site

VERSION = ("Dovecot", "dovecot", "--version")
CONFIGURATION = """base_dir = {run}
state_dir = {run}
log_path = {log}
protocols = imap
listen = {address}
mail_location = maildir:/srv/mail
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home=/srv/mail
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
ssl = yes
"""
PAIR = "ssl_cert = <{certificate}\nssl_key = <{key}\n"


class Dovecot(Server):
    """The real Dovecot. It needs root, and a view of its own."""

    kind = "dovecot"
    program = "dovecot"
    folder = "/etc/dovecot/tls"
    log = "/var/log/dovecot.log"
    starttls = "imap"

    def configure(self) -> None:
        """Write dovecot.conf."""
        self.host.real("/run/dovecot").mkdir(parents=True, exist_ok=True)
        text = CONFIGURATION.format(run=self.host.path("/run/dovecot"), log=self.host.path(self.log), address=self.host.address,
                                    port=self.sites[0].port) + self._pair(self.sites[0])
        for site in self.sites[1:]:
            text += f"local_name {site.names[0]} {{\n{self._pair(site)}}}\n"
        self.host.write("/etc/dovecot/dovecot.conf", text)

    def _pair(self, site: Site) -> str:
        return PAIR.format(certificate=self.certificate_file(site), key=self.key_file(site))

    def command(self) -> List[str]:
        """In the foreground."""
        return ["dovecot", "-F"]

    def check(self) -> List[str]:
        """doveconf -n, which reads the certificates too."""
        return ["doveconf", "-n"]

    def reload_option(self) -> Dict[str, Any]:
        """doveadm reload, which answers before the login processes are new."""
        return {"command": ["doveadm", "reload"]}
