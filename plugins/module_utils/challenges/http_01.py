# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP-01 (RFC 8555 section 8.3) from the controller: a small responder of its own, or files below a web server's folder.

The CA asks on port 80 of the name; the responder listens where something forwards that to.
"""

from __future__ import annotations

import os
import re
from http.server import BaseHTTPRequestHandler
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from .. import files
from ..contracts import Challenge, Challenger, Clock
from ..errors import ClmError, ConfigError
from ._responder import Responder, Server

NAME = "http_01"
OPTIONS: Dict[str, Any] = {
    "address": {"type": "str", "default": "0.0.0.0"},
    "port": {"type": "int", "default": 80},
    "webroot": {"type": "path"},
}
KIND = "http-01"
PLACE = "/.well-known/acme-challenge/"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")  # base64url, section 8.3


def create(options: Mapping[str, Any], clock: Clock) -> Challenger:
    """The responder at address and port, or the files below `webroot` where that is given."""
    if options.get("webroot"):
        return Webroot(str(options["webroot"]))
    where = (str(options.get("address") or "0.0.0.0"), int(options.get("port") or 80))
    return Responder(KIND, where, _Handler, lambda one: (checked(one), one.key_authorization))


def checked(challenge: Challenge) -> str:
    """The token, when it may stand in a path."""
    if not _TOKEN.match(challenge.token):
        raise ConfigError(f"the CA's token for {challenge.name} is none")
    return challenge.token


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 10

    def do_GET(self) -> None:
        """The key authorization of a token; nothing else is here."""
        token = self.path[len(PLACE) :] if self.path.startswith(PLACE) else ""
        body = str(self.server.entries.get(token, "")).encode("ascii")
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Union[str, int]) -> None:
        """Say nothing."""


class Webroot:
    """A Challenger by files that a web server on this machine serves."""

    kind = KIND

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(os.path.expanduser(folder), *PLACE.strip("/").split("/"))

    def publish(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """A file for each."""
        return [_tried(self._write, one) for one in challenges]

    def withdraw(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """The files are gone; the folder stays."""
        return [_tried(self._remove, one) for one in challenges]

    def _write(self, challenge: Challenge) -> None:
        path = os.path.join(self._folder, checked(challenge))
        try:
            os.makedirs(self._folder, 0o755, exist_ok=True)
        except OSError as error:
            raise files.explain(error, self._folder, "make") from error
        files.write(path, challenge.key_authorization.encode("ascii"), mode=0o644)

    def _remove(self, challenge: Challenge) -> None:
        files.remove(os.path.join(self._folder, checked(challenge)))


def _tried(act: Any, challenge: Challenge) -> Optional[ClmError]:
    try:
        act(challenge)
    except ClmError as error:
        return error
    return None
