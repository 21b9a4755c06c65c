# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Pebble on loopback, with pebble-challtestsrv as the DNS that it asks.

    with pebble(tmp_path / "ca") as ca:
        ca.options(tmp_path)                 # the issuer acme, which answers HTTP-01 where Pebble asks
        ca.move_window(certificate_pem, start, end)   # the CA wants it renewed then
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import subprocess
import urllib.request
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

from ..support.environment import program
from .ca import TestCA
from .host import stop, wait_for

HOME = "127.0.0.1"
PROFILES = {
    "default": {"description": "90 days", "validityPeriod": 90 * 86400},
    "shortlived": {"description": "160 hours", "validityPeriod": 160 * 3600},
}
EAB = ("kid-1", base64.urlsafe_b64encode(b"an external account key for tests").decode().rstrip("="))


def free_port() -> int:
    """A TCP port of loopback that nothing listens on now."""
    with socket.create_server((HOME, 0)) as found:
        port: int = found.getsockname()[1]
    return port


class Pebble:
    """One CA; `start`, `stop`, and the doors of its management port."""

    def __init__(self, place: Path, *, names: Optional[Mapping[str, Any]] = None, dns: str = "", **environment: Any) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in ("acme", "door", "http", "tls", "dns", "dns_door")}
        self.dns = dns or f"{HOME}:{self.ports['dns']}"
        self._own_dns = not dns
        self._more = dict(names or {})
        self._environment = {key: str(value) for key, value in environment.items()}
        self._running: List[subprocess.Popen[bytes]] = []
        ca = TestCA("pebble door")
        tls = ca.issue([HOME, "localhost"])
        self.ca_file = place / "door.pem"
        self.ca_file.write_text(ca.root_pem)
        (place / "tls.pem").write_text(tls.fullchain)
        (place / "tls.key").write_text(tls.key_pem)

    @property
    def directory(self) -> str:
        """Its directory."""
        return f"https://{HOME}:{self.ports['acme']}/dir"

    def start(self) -> Pebble:
        """Running, with its root in `root_file`."""
        config = {
            "listenAddress": f"{HOME}:{self.ports['acme']}", "managementListenAddress": f"{HOME}:{self.ports['door']}",
            "certificate": str(self.place / "tls.pem"), "privateKey": str(self.place / "tls.key"),
            "httpPort": self.ports["http"], "tlsPort": self.ports["tls"], "ocspResponderURL": "", "keyAlgorithm": "ecdsa",
            "retryAfter": {"authz": 1, "order": 1}, "profiles": PROFILES, "domainBlocklist": ["blocked.example"], **self._more,
        }
        (self.place / "pebble.json").write_text(json.dumps({"pebble": config}))
        if self._own_dns:
            self._run(program("pebble-challtestsrv"), "-defaultIPv4", HOME, "-defaultIPv6", "", "-dnsserver", self.dns, "-http01", "",
                      "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", f"{HOME}:{self.ports['dns_door']}")
        self._run(program("pebble"), "-config", str(self.place / "pebble.json"), "-dnsserver", self.dns)
        wait_for(lambda: self._answers(self.directory), f"Pebble ({self.place}/log)")
        self.root_file = self.place / "root.pem"
        self.root_file.write_bytes(self.door("/roots/0"))
        return self

    def _run(self, *argv: str) -> None:
        quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "5", "PEBBLE_AUTHZREUSE": "0"}
        with (self.place / "log").open("ab") as log:
            environment = {**os.environ, **quick, **self._environment}
            self._running.append(subprocess.Popen(argv, cwd=self.place, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment))

    def stop(self) -> None:
        """Nothing of it lives on."""
        for process in self._running:
            stop(process)
        self._running.clear()

    def _answers(self, url: str) -> bool:
        try:
            return bool(self._open(url))
        except OSError:
            return False

    def _open(self, url: str, data: Optional[bytes] = None) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with urllib.request.urlopen(urllib.request.Request(url, data=data), context=context, timeout=10) as answer:
            content: bytes = answer.read()
        return content

    def door(self, path: str, data: Any = None) -> bytes:
        """What the management port answers."""
        return self._open(f"https://{HOME}:{self.ports['door']}{path}", None if data is None else json.dumps(data).encode())

    def dns_says(self, what: str, **data: Any) -> None:
        """Tell pebble-challtestsrv, as `dns_says("add-a", host=..., addresses=[...])`."""
        url = f"http://{HOME}:{self.ports['dns_door']}/{what}"
        with urllib.request.urlopen(url, data=json.dumps(data).encode(), timeout=10) as answer:
            answer.read()

    def status(self, serial: str) -> Dict[str, Any]:
        """Status and reason of a certificate, by the hex digits of its serial."""
        found: Dict[str, Any] = json.loads(self.door(f"/cert-status-by-serial/{serial}"))
        return found

    def move_window(self, certificate_pem: str, start: timedelta, end: timedelta, url: str = "") -> None:
        """From now on it wants the certificate to be renewed between these times from now."""
        now = datetime.now(timezone.utc)
        said = {"suggestedWindow": {"start": (now + start).isoformat(), "end": (now + end).isoformat()}, "explanationURL": url}
        self.door("/set-renewal-info/", {"certificate": certificate_pem, "ariResponse": json.dumps(said)})

    def issuer(self, **more: Any) -> Dict[str, Any]:
        """Options of the issuer acme for it."""
        challenge = {"type": "http_01", "address": HOME, "port": self.ports["http"]}
        return {"directory": self.directory, "ca_file": str(self.ca_file), "anchors": str(self.root_file), "terms_agreed": True,
                "profile": "default", "challenge": challenge, **more}


@contextmanager
def pebble(place: Path, **more: Any) -> Iterator[Pebble]:
    """A Pebble that runs until the end of the block; keyword arguments in capitals are its environment."""
    ca = Pebble(place, **more)
    try:
        yield ca.start()
    finally:
        ca.stop()
