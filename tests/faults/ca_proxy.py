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
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

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
    "replaced": (409, "alreadyReplaced", ""), "throttled": (400, "ThrottlingException", ""),
    "outage": (503, "ServiceUnavailable", ""), "expired": (400, "ExpiredTokenException", ""), "denied": (400, "AccessDeniedException", ""),
    "busy": (400, "ThrottlingException", ""),
}  # fmt: skip
LASTING = ("outage", "expired", "denied", "busy")  # from the nth request of the kind on, every request of any kind is answered so
CERTIFICATE = "/certZ/*"
FINALIZE = "/finalize-order/*"
RENEWAL = "*/renewalInfo/*"
Answered = Tuple[int, Dict[str, str], bytes]


class Quiet(http.server.ThreadingHTTPServer):
    """Connections that are cut are what it is there for."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nobody wants to read it."""


class Middle:
    """What every proxy before a CA does; `bad` is (pattern of what is asked, how it is answered) or None."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.bad: Optional[Tuple[str, str]] = None
        self.rewrite: Optional[Tuple[str, Callable[[Answered], Answered]]] = None  # (pattern of what is asked, what its answers become)
        self.renewals: List[Tuple[str, float]] = []  # when each renewal information was asked for
        self.gate: Any = None  # the Gate at which a request of `held` waits
        self.held, self.after, self.nth = "", False, 1
        self.asked: List[str] = []
        self.passed: List[str] = []  # what the CA itself was asked
        self.hits = 0
        self.lock = threading.Lock()
        self.server: Any = None

    def serve(self, address: str, context: Optional[ssl.SSLContext]) -> str:
        """Listening from now on; returns address and port."""
        self.server = Quiet((address, 0), handler(self))
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"{address}:{self.server.server_address[1]}"

    def connection(self) -> http.client.HTTPConnection:
        """A new one to the CA."""
        raise NotImplementedError

    def what(self, path: str, headers: Mapping[str, str], body: bytes) -> str:
        """What is asked, as patterns name it."""
        return path

    def keep(self, what: str, status: int, body: bytes) -> None:
        """A certificate that left the CA is in the log, once."""
        raise NotImplementedError

    def write(self, der: bytes) -> None:
        """One more that the CA issued."""
        line = json.dumps({"request_id": "", "certificate": base64.b64encode(der).decode()}) + "\n"
        with self.lock:
            had = self.log.read_text() if self.log.exists() else ""
            if line not in had:
                self.log.write_text(had + line)

    def honest(self) -> None:
        """As if it were not there."""
        self.bad, self.rewrite, self.gate, self.held, self.hits, self.nth = None, None, None, "", 0, 1
        self.renewals.clear()
        self.asked.clear()
        self.passed.clear()

    @property
    def reached(self) -> bool:
        """Whether what the bad day waits for was asked."""
        return self.hits >= self.nth

    def hold(self, pattern: str, gate: Any, after: bool, nth: int = 1) -> None:
        """The nth request of that kind waits: before the CA gets it, or with the CA's answer in hand."""
        self.held, self.gate, self.after, self.nth = pattern, gate, after, nth

    def close(self) -> None:
        """No more requests."""
        self.server.shutdown()
        self.server.server_close()

    def pause(self, path: str, after: bool) -> None:
        """Where the request is the one that is held: until the gate is opened."""
        with self.lock:
            gate = self.gate if fnmatch.fnmatch(path, self.held) and after == self.after else None
            self.nth -= gate is not None
            if gate is None or self.nth > 0:
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
            if self.bad is not None and self.bad[1] in LASTING:
                meant = self.reached
            if self.bad is None or not meant or (self.bad[1] == "nonce" and self.hits % 3 == 0):
                self.passed.append(path)
                return ""
            return self.bad[1]

    def changed(self, path: str, answer: Answered) -> Answered:
        """What the client gets of what the CA answered."""
        return self.rewrite[1](answer) if self.rewrite is not None and fnmatch.fnmatch(path, self.rewrite[0]) else answer


class CaProxy(Middle):
    """Before an ACME CA; `directory` and `ca_file` are what a client is given."""

    def __init__(self, place: Path, address: str, to: Tuple[str, int], ca_file: Path, log: Path) -> None:
        super().__init__(log)
        self.to = to
        self.trust = ssl.create_default_context(cafile=str(ca_file))
        own = TestCA("proxy")
        made = own.issue([address])
        self.ca_file = place / "proxy-ca.pem"
        self.ca_file.write_text(own.root_pem)
        (place / "proxy.pem").write_text(made.fullchain + made.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(place / "proxy.pem"))
        self.directory = f"https://{self.serve(address, context)}/dir"

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(*self.to, context=self.trust, timeout=30)

    def keep(self, what: str, status: int, body: bytes) -> None:
        if status == 200 and fnmatch.fnmatch(what, CERTIFICATE):
            self.write(x509.load_pem_x509_certificates(body)[0].public_bytes(Encoding.DER))


def handler(proxy: Middle) -> Any:
    """The class of a server's handler that belongs to the proxy."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: Any) -> None:
            pass

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            what = proxy.what(self.path, self.headers, body)
            how = proxy.how(what, body)
            if how == "away":
                self.cut()
            elif how in REFUSALS:
                self.refuse(*REFUSALS[how])
            else:
                proxy.pause(what, False)
                status, headers, answer = proxy.changed(what, self.ask(body))
                proxy.keep(what, status, answer)
                proxy.pause(what, True)
                self.give(status, headers, answer, how)

        do_GET = do_POST = do_HEAD = do_any

        def ask(self, body: bytes) -> Tuple[int, Dict[str, str], bytes]:
            """What the CA answers; it is asked under our own name, so that all its URLs lead here."""
            connection = proxy.connection()
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
            said = "the proxy of the fault tests says so"
            problem = {"type": PROBLEM + kind, "detail": said, "status": status, "__type": kind, "message": said}  # ACME's and AWS's
            body = json.dumps(problem).encode()
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


def nonce(proxy: Middle) -> str:
    """A fresh one of the CA, for a client whose own was refused."""
    connection = proxy.connection()
    try:
        connection.request("HEAD", "/nonce-plz")
        return connection.getresponse().getheader("Replay-Nonce") or ""
    finally:
        connection.close()
