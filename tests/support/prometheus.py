# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP server that answers as the documented API of Prometheus does, and as other pages do. It is no Prometheus."""

from __future__ import annotations

import json
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import parse_qs, urlsplit


class Answers(ThreadingHTTPServer):
    """Queries and paths with what they are answered: a list is used up but for its last entry. `asked` has every query."""

    daemon_threads = True

    def __init__(self, context: Any = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.queries: Dict[str, Any] = {}
        self.pages: Dict[str, Tuple[int, bytes]] = {}
        self.asked: List[str] = []
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server_port}"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that do not trust us hang up; that is what some tests are about."""

    def series(self, query: str, *values: Any, **labels: str) -> None:
        """The query gives one series with these values, one after the other; NaN and +Inf as Prometheus writes them."""
        self.queries[query] = [vector({**labels, "__name__": "errors"}, value) for value in values]


def success(kind: str, result: Any, **more: Any) -> Tuple[int, Any]:
    """An answer that went well."""
    return 200, {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def vector(metric: Dict[str, str], value: Any) -> Tuple[int, Any]:
    """One series."""
    return success("vector", [{"metric": metric, "value": [1700000000.123, str(value)]}])


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        """A query, a page, or what hangs: drips sends a byte each tenth of a second."""
        parts = urlsplit(self.path)
        if parts.path == "/drips":
            self._drip()
        elif parts.path.endswith("/api/v1/query"):
            query = parse_qs(parts.query)["query"][0]
            self.server.asked.append(query)
            given = self.server.queries.get(query, success("vector", []))
            if isinstance(given, list):
                given = given.pop(0) if len(given) > 1 else given[0]
            status, answer = given
            self._send(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        else:
            self._send(*self.server.pages.get(parts.path, (404, b"not here")))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", "/well")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _byte in range(100):
            self.wfile.write(b".")
            time.sleep(0.1)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at `asked`."""


@contextmanager
def answering(context: Any = None) -> Iterator[Answers]:
    """The server, until the end of the block; with a TLS context it speaks https."""
    server = Answers(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """A server's context from two PEM files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
