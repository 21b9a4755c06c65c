# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsftpd of a managed host: FTP with AUTH TLS. Each session reads the certificate by itself, so there is nothing to reload."""

from __future__ import annotations

from typing import Any, Dict, List

from .server import Server

VERSION = ("vsftpd", "dpkg-query", "-Wf", "${Version}", "vsftpd")
CONFIGURATION = """listen=YES
listen_address={address}
listen_port={port}
background=NO
secure_chroot_dir={empty}
ssl_enable=YES
ssl_tlsv1=YES
ssl_sslv2=NO
ssl_sslv3=NO
ssl_ciphers=HIGH
rsa_cert_file={certificate}
rsa_private_key_file={key}
"""


class Vsftpd(Server):
    """The real vsftpd, as a server that the product knows nothing of but files; the simplest generic form there is."""

    kind = "generic"
    program = "vsftpd"
    folder = "/etc/clm/tls"
    log = "/var/log/vsftpd.log"
    starttls = "ftp"

    def configure(self) -> None:
        """Write vsftpd.conf."""
        site = self.sites[0]
        empty = self.host.real("/srv/empty")
        empty.mkdir(parents=True, exist_ok=True)
        text = CONFIGURATION.format(address=self.host.address, port=site.port, empty=self.host.path("/srv/empty"),
                                    certificate=self.certificate_file(site), key=self.key_file(site))
        self.host.write("/etc/clm/vsftpd.conf", text)

    def command(self) -> List[str]:
        """In the foreground."""
        return ["vsftpd", self.host.path("/etc/clm/vsftpd.conf")]

    def check(self) -> List[str]:
        """It has none."""
        return []

    def reload_option(self) -> Dict[str, Any]:
        """Nothing is to be told."""
        return {"command": ["true"]}
