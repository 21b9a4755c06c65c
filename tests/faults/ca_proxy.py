# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before an ACME CA: it keeps what the CA issued, holds one request, or answers in the CA's place as a bad day would."""

from __future__ import annotations

import base64
import email.utils
import fnmatch
import http.client
import http.server
import json
import ssl
import struct
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.certops.clm.tests.lab.ca import TestCA

AFTER = 20  # seconds of Retry-After: more than a run waits for
HTML = b"<html><body><h1>Bad Gateway</h1></body></html>"
PROBLEM = "urn:ietf:params:acme:error:"
# How it answers: (status, kind of problem, Retry-After). A number is seconds, and `date` the same as a date.
REFUSALS: Dict[str, Tuple[int, str, str]] = {
    "429 seconds": (429, "rateLimited", "seconds"), "429 date": (429, "rateLimited", "date"), "429": (429, "rateLimited", ""),
    "503 seconds": (503, "serverInternal", "seconds"), "503": (503, "serverInternal", ""), "nonce": (400, "badNonce", ""),
    "replaced": (409, "alreadyReplaced", ""),
}  # fmt: skip
CERTIFICATE = "/certZ/*"
FINALIZE = "/finalize-order/*"
RENEWAL = "*/renewalInfo/*"
Answered = Tuple[int, Dict[str, str], bytes]


class Quiet(http.server.ThreadingHTTPServer):
    """Connections that are cut are what it is there for."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nobody wants to read it."""


class CaProxy:
    """`directory` and `ca_file` are what a client is given; `bad` is (pattern of the path, how) or None."""

    def __init__(self, place: Path, address: str, to: Tuple[str, int], ca_file: Path, log: Path) -> None:
        self.to, self.log = to, log
        self.trust = ssl.create_default_context(cafile=str(ca_file))
        self.bad: Optional[Tuple[str, str]] = None
        self.rewrite: Optional[Tuple[str, Callable[[Answered], Answered]]] = None  # (pattern of the path, what its answers become)
        self.renewals: List[Tuple[str, float]] = []  # when each renewal information was asked for
        self.gate: Any = None  # the Gate at which a request of `held` waits
        self.held, self.after = "", False
        self.asked: List[str] = []
        self.passed: List[str] = []  # what the CA itself was asked
        self.hits = 0
        self.lock = threading.Lock()
        own = TestCA("proxy")
        made = own.issue([address])
        self.ca_file = place / "proxy-ca.pem"
        self.ca_file.write_text(own.root_pem)
        (place / "proxy.pem").write_text(made.fullchain + made.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(place / "proxy.pem"))
        self.server = Quiet((address, 0), handler(self))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.directory = f"https://{address}:{self.server.server_address[1]}/dir"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def honest(self) -> None:
        """As if it were not there."""
        self.bad, self.rewrite, self.gate, self.held, self.hits = None, None, None, "", 0
        self.renewals.clear()
        self.asked.clear()
        self.passed.clear()

    def hold(self, pattern: str, gate: Any, after: bool) -> None:
        """The first request of that path waits: before the CA gets it, or with the CA's answer in hand."""
        self.held, self.gate, self.after = pattern, gate, after

    def close(self) -> None:
        """No more requests."""
        self.server.shutdown()
        self.server.server_close()

    def pause(self, path: str, after: bool) -> None:
        """Where the request is the one that is held: until the gate is opened."""
        with self.lock:
            gate = self.gate if fnmatch.fnmatch(path, self.held) and after == self.after else None
            if gate is None:
                return
            self.gate = None
        (gate.place / "at").write_text("-2 http\n")
        deadline = time.monotonic() + 120
        while not (gate.place / "go").exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def how(self, path: str, body: bytes) -> str:
        """How this request is to be answered; empty: by the CA."""
        with self.lock:
            self.asked.append(path)
            if fnmatch.fnmatch(path, RENEWAL):
                self.renewals.append((path, time.monotonic()))
            meant = self.bad is not None and fnmatch.fnmatch(path, self.bad[0]) and (self.bad[1] != "replaced" or replaces(body))
            self.hits += meant
            if self.bad is None or not meant or (self.bad[1] == "nonce" and self.hits % 3 == 0):
                self.passed.append(path)
                return ""
            return self.bad[1]

    def changed(self, path: str, answer: Answered) -> Answered:
        """What the client gets of what the CA answered."""
        return self.rewrite[1](answer) if self.rewrite is not None and fnmatch.fnmatch(path, self.rewrite[0]) else answer

    def keep(self, path: str, status: int, body: bytes) -> None:
        """A certificate that left the CA is in the log, once."""
        if status != 200 or not fnmatch.fnmatch(path, CERTIFICATE):
            return
        der = x509.load_pem_x509_certificates(body)[0].public_bytes(Encoding.DER)
        line = json.dumps({"request_id": "", "certificate": base64.b64encode(der).decode()}) + "\n"
        with self.lock:
            had = self.log.read_text() if self.log.exists() else ""
            if line not in had:
                self.log.write_text(had + line)


def handler(proxy: CaProxy) -> Any:
    """The class of a server's handler that belongs to the proxy."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: Any) -> None:
            pass

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            how = proxy.how(self.path, body)
            if how == "away":
                self.cut()
            elif how in REFUSALS:
                self.refuse(*REFUSALS[how])
            else:
                proxy.pause(self.path, False)
                status, headers, answer = proxy.changed(self.path, self.ask(body))
                proxy.keep(self.path, status, answer)
                proxy.pause(self.path, True)
                self.give(status, headers, answer, how)

        do_GET = do_POST = do_HEAD = do_any

        def ask(self, body: bytes) -> Tuple[int, Dict[str, str], bytes]:
            """What the CA answers; it is asked under our own name, so that all its URLs lead here."""
            connection = http.client.HTTPSConnection(*proxy.to, context=proxy.trust, timeout=30)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "accept-encoding")}
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                data = answer.read()
                kept = {name: value for name, value in answer.getheaders() if name.lower() not in ("content-length", "connection")}
                return answer.status, kept, data
            finally:
                connection.close()

        def give(self, status: int, headers: Dict[str, str], body: bytes, how: str) -> None:
            if how == "html":
                status, headers, body = 200, {"Content-Type": "text/html"}, HTML
            elif how == "truncated":
                body = body[: len(body) // 2]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if how == "reset" else body)
            if how == "reset":
                self.cut()

        def refuse(self, status: int, kind: str, after: str) -> None:
            body = json.dumps({"type": PROBLEM + kind, "detail": "the proxy of the fault tests says so", "status": status}).encode()
            when = email.utils.formatdate(time.time() + AFTER, usegmt=True) if after == "date" else str(AFTER)
            headers = {"Content-Type": "application/problem+json", **({"Retry-After": when} if after else {})}
            if kind == "badNonce":
                headers["Replay-Nonce"] = self.ask(b"")[1].get("Replay-Nonce", "") if self.command == "HEAD" else nonce(proxy)
            self.give(status, headers, body, "")

        def cut(self) -> None:
            """A reset, and no end of the answer."""
            self.close_connection = True
            try:
                self.connection.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
                self.connection.close()
            except OSError:
                pass

    return Handler


def replaces(body: bytes) -> bool:
    """Whether an order says which certificate it replaces."""
    payload = str(json.loads(body).get("payload", ""))
    return "replaces" in json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def nonce(proxy: CaProxy) -> str:
    """A fresh one of the CA, for a client whose own was refused."""
    connection = http.client.HTTPSConnection(*proxy.to, context=proxy.trust, timeout=30)
    try:
        connection.request("HEAD", "/nonce-plz")
        return connection.getresponse().getheader("Replay-Nonce") or ""
    finally:
        connection.close()
