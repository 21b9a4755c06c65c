# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small server on the controller that answers challenges, as long as anything is published."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type

from ..contracts import Challenge
from ..errors import ClmError

Where = Tuple[str, int]


class Server(socketserver.ThreadingTCPServer):
    """Listens, and hands each connection to the handler in a thread of its own; `entries` has what is published."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, where: Where, handler: Type[socketserver.BaseRequestHandler], entries: Mapping[str, Any]) -> None:
        self.address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        super().__init__(where, handler)
        self.entries = entries
        threading.Thread(target=self.serve_forever, args=(0.05,), name="clm-challenges", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks concerns nobody: the CA says what it did not get."""

    def end(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


class Responder:
    """A Challenger that answers by itself. `entry` makes of a challenge the name and the value that the handler looks up."""

    def __init__(
        self, kind: str, where: Where, handler: Type[socketserver.BaseRequestHandler], entry: Callable[[Challenge], Tuple[str, Any]]
    ) -> None:
        self.kind = kind
        self._where, self._handler, self._entry = where, handler, entry
        self._entries: Dict[str, Any] = {}
        self._names: Dict[str, str] = {}  # by token
        self._server: Optional[Server] = None
        self._lock = threading.Lock()

    def publish(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """Answered from now on; every place has the error when the port cannot be had."""
        with self._lock:
            problems = [self._add(one) for one in challenges]
            try:
                if self._server is None and self._entries:
                    self._server = Server(self._where, self._handler, self._entries)
            except OSError as error:
                where = f"{self._where[0]}:{self._where[1]}"
                hint = "stop what listens there, or choose another port and have it forwarded to"
                problem = ClmError(f"cannot answer at {where}: {error.strerror or error}", hint=hint, field="issuer.challenge.port")
                return [problem for _one in challenges]
        return problems

    def withdraw(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """No longer answered; the port is free again when nothing is left."""
        with self._lock:
            for one in challenges:
                self._entries.pop(self._names.pop(one.token, ""), None)
            if not self._entries and self._server is not None:
                self._server.end()
                self._server = None
        return [None for _one in challenges]

    def _add(self, challenge: Challenge) -> Optional[ClmError]:
        try:
            name, value = self._entry(challenge)
        except ClmError as error:
            return error
        self._names[challenge.token] = name
        self._entries[name] = value
        return None
