# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small TLS server of tls_server.py as a server of the lab, with its sabotage switches."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List

from .server import Server

SCRIPT = Path(__file__).with_name("tls_server.py")


class Small(Server):
    """Runs on the machine's own Python; stands in wherever no real server can be had."""

    kind = "generic"
    program = ""
    folder = "/etc/clm/tls"
    log = "/var/log/small.log"
    configuration = "/etc/clm/server.json"

    def configure(self) -> None:
        """Write server.json and take all sabotage away."""
        self.sabotage()
        certificates = [{"names": list(site.names), "certificate_file": self.certificate_file(site), "key_file": self.key_file(site)}
                        for site in self.sites]
        listen = sorted({f"{self.host.address}:{site.port}" for site in self.sites})
        content = {"listen": listen, "pid_file": self.host.path("/run/small.pid"), "starttls": self.starttls, "certificates": certificates}
        self.host.write(self.configuration, json.dumps(content, indent=1))

    def sabotage(self, *words: str) -> None:
        """Switch on exactly these (tls_server.py lists them); none: an honest server."""
        switch = self.host.real(self.configuration + ".sabotage")
        switch.unlink(missing_ok=True)
        if words:
            self.host.write(self.configuration + ".sabotage", " ".join(words))

    def _script(self, *more: str) -> List[str]:
        return [sys.executable, str(SCRIPT), "--config", self.host.path(self.configuration), *more]

    def command(self) -> List[str]:
        """In the foreground."""
        return self._script()

    def check(self) -> List[str]:
        """Its own validation."""
        return self._script("--check")

    def reload_option(self) -> Dict[str, Any]:
        """Its own reload, which does not wait."""
        return {"command": self._script("--reload")}
