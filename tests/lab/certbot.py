# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real certbot on a host of the lab, whose CA is a Pebble: it keeps /etc/letsencrypt as on any server."""

from __future__ import annotations

from pathlib import Path
from typing import List

from ..support.environment import venv
from .host import Host
from .pebble import HOME, Pebble

FOLDER = "/etc/letsencrypt"


class Certbot:
    """The commands of certbot in the host's own view."""

    def __init__(self, host: Host, ca: Pebble) -> None:
        self.host, self.ca = host, ca
        self.program = str(venv("certbot") / "certbot")
        host.empty(FOLDER)
        host.write("/etc/clm/pebble.pem", ca.ca_file.read_text())

    @property
    def folder(self) -> Path:
        """Its folder as the tests see it."""
        return self.host.real(FOLDER)

    def run(self, *argv: str) -> str:
        """What it printed; it must succeed."""
        places = ["--config-dir", self.host.path(FOLDER), "--work-dir", self.host.path("/srv/certbot"), "--logs-dir",
                  self.host.path("/var/log/certbot")]
        base: List[str] = [self.program, "--server", self.ca.directory, "--non-interactive", "--agree-tos", *places]
        return self.host.run(["env", f"REQUESTS_CA_BUNDLE={self.host.path('/etc/clm/pebble.pem')}", *base, *argv]).stdout

    def certonly(self, *names: str, **more: str) -> None:
        """A new lineage by its standalone authenticator. `more`: further options, as key_type="rsa"."""
        options = [part for name, value in more.items() for part in (f"--{name.replace('_', '-')}", value) if part]
        proof = ["--standalone", "--http-01-address", HOME, "--http-01-port", str(self.ca.ports["http"])]
        domains = [part for name in names for part in ("-d", name)]
        self.run("certonly", "--register-unsafely-without-email", *proof, *domains, *options)
