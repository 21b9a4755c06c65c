# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real step-ca on loopback, an ACME CA of another make; pebble-challtestsrv is the DNS that it asks.

    with stepca(tmp_path / "ca") as ca:
        ca.issuer()        # options of the issuer acme for it
"""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

from ..support.environment import program
from .ca import TestCA, key_pem_of, pem_of
from .host import stop, wait_for
from .pebble import HOME, free_port


class StepCa:
    """One CA with one ACME provisioner."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in ("acme", "http", "dns", "door")}
        self.ca = TestCA("step")
        self.root_file = place / "root.pem"
        self.root_file.write_text(self.ca.root_pem)
        (place / "intermediate.pem").write_text(pem_of(self.ca.intermediate))
        (place / "intermediate.key").write_text(key_pem_of(self.ca.intermediate_key))
        self._running: List[subprocess.Popen[bytes]] = []

    @property
    def directory(self) -> str:
        """Its directory."""
        return f"https://{HOME}:{self.ports['acme']}/acme/acme/directory"

    def start(self) -> StepCa:
        """Running."""
        config = {
            "root": str(self.root_file), "crt": str(self.place / "intermediate.pem"), "key": str(self.place / "intermediate.key"),
            "address": f"{HOME}:{self.ports['acme']}", "dnsNames": [HOME], "logger": {"format": "text"},
            "db": {"type": "bbolt", "dataSource": str(self.place / "db")},
            "authority": {"provisioners": [{"type": "ACME", "name": "acme", "claims": {"maxTLSCertDuration": "2160h",
                                                                                        "defaultTLSCertDuration": "2160h"}}]},
        }
        (self.place / "ca.json").write_text(json.dumps(config))
        dns = f"{HOME}:{self.ports['dns']}"
        self._run(program("pebble-challtestsrv"), "-defaultIPv4", HOME, "-defaultIPv6", "", "-dnsserver", dns, "-http01", "",
                  "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", f"{HOME}:{self.ports['door']}")
        self._run(program("step-ca"), str(self.place / "ca.json"), "--resolver", dns, "--insecure", "--acme-http-port",
                  str(self.ports["http"]))
        wait_for(self._answers, f"step-ca ({self.place}/log)", seconds=40)
        return self

    def _run(self, *argv: str) -> None:
        with (self.place / "log").open("ab") as log:
            self._running.append(subprocess.Popen(argv, cwd=self.place, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.root_file))
        try:
            with urllib.request.urlopen(self.directory, context=context, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Nothing of it lives on."""
        for process in self._running:
            stop(process)

    def issuer(self, **more: Any) -> Dict[str, Any]:
        """Options of the issuer acme for it."""
        challenge = {"type": "http_01", "address": HOME, "port": self.ports["http"]}
        return {"directory": self.directory, "ca_file": str(self.root_file), "anchors": str(self.root_file), "challenge": challenge, **more}


@contextmanager
def stepca(place: Path) -> Iterator[StepCa]:
    """It runs until the end of the block."""
    ca = StepCa(place)
    try:
        yield ca.start()
    finally:
        ca.stop()
