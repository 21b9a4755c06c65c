# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""moto with what it gets wrong mended, as a server: `aws_shim.py HOST PORT [PATCH LEFT OUT... | stock]`. Tier B, an emulator.

Each patch is a function in a file of aws_patches/, cites AWS's documentation, and has a test in tests/unit/lab that shows that the
emulator fails without it. Doors of the lab: `GET /_calls` counts calls by service:Operation, `DELETE /_calls` starts anew, and
`PUT /_faults` takes rules that refuse calls, as [{"match": "acm:ListCertificates", "times": 2, "code": "ThrottlingException"}] or
with "share": 0.3 instead of times; "after": 5 lets five calls through first. `PUT /_renew` has ACM renew {"arn": ...} as it does
by itself, or with "status" fail to. `PUT /_front` is aws_front.py. `GET /_given/TOKEN` is what a signed URL of the emulator gives.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from threading import Lock
from typing import Any, Dict, List
from urllib.parse import parse_qs

from aws_front import Front
from aws_patches import mend
from aws_patches.acm_request import renew
from aws_patches.elbv2_trust import GIVEN
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app


class Doors:
    """The lab's own doors in front of the emulator."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._calls: Counter[str] = Counter()
        self._faults: List[Dict[str, Any]] = []
        self._lock = Lock()
        self._random = random.Random(1)

    def __call__(self, environ: Dict[str, Any], start_response: Any) -> Any:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path in ("/_calls", "/_faults", "/_renew"):
            return self._door(path, method, environ, start_response)
        if path.startswith("/_given/"):
            return given(path, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = _Again(body)
        name, json_service = operation(environ, body)
        with self._lock:
            self._calls[name] += 1
            code = self._fault(name)
        return _refused(code, json_service, start_response) if code else self._application(environ, start_response)

    def _fault(self, name: str) -> str:
        for rule in self._faults:
            if not re.fullmatch(rule["match"].replace("*", ".*"), name):
                continue
            if rule.get("after", 0) > 0:
                rule["after"] -= 1
            elif "share" in rule:
                if self._random.random() < rule["share"]:
                    return str(rule["code"])
            elif rule["times"] > 0:
                rule["times"] -= 1
                return str(rule["code"])
        return ""

    def _door(self, path: str, method: str, environ: Dict[str, Any], start_response: Any) -> List[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._lock:
            if path == "/_faults":
                self._faults = json.loads(body or b"[]")
            elif path == "/_renew":
                renew(json.loads(body))
            elif method == "DELETE":
                self._calls.clear()
            answer = json.dumps(dict(self._calls)).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]


def given(path: str, start_response: Any) -> List[bytes]:
    """The bytes behind a signed URL, 403 for one that nobody signed."""
    data = GIVEN.get(path.rpartition("/")[2])
    answer, status = (b"", "403 Forbidden") if data is None else (data, "200 OK")
    start_response(status, [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(answer)))])
    return [answer]


class _Again:
    """The body once more, for the application."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        taken, self._body = (self._body, b"") if size is None or size < 0 else (self._body[:size], self._body[size:])
        return taken


def operation(environ: Dict[str, Any], body: bytes) -> tuple[str, bool]:
    """service:Operation of a signed call, and whether the service speaks JSON; REST services are told by method and path."""
    scope = re.search(r"Credential=[^/]*/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    service = scope.group(1) if scope else "unknown"
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return f"{service}:{target.rsplit('.', 1)[-1]}", True
    action = parse_qs(body.decode("latin-1")).get("Action") if body else None
    return (f"{service}:{action[0]}", False) if action else (f"{service}:{environ['REQUEST_METHOD']} {environ['PATH_INFO']}", False)


def _refused(code: str, json_service: bool, start_response: Any) -> List[bytes]:
    if json_service:
        answer, kind = json.dumps({"__type": code, "message": "refused by the lab"}).encode(), "application/x-amz-json-1.1"
    else:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>refused by the lab</Message></Error>"
        answer, kind = f"<ErrorResponse>{error}<RequestId>lab</RequestId></ErrorResponse>".encode(), "text/xml"
    start_response("400 Bad Request", [("Content-Type", kind), ("Content-Length", str(len(answer))), ("x-amzn-ErrorType", code)])
    return [answer]


def main(host: str, port: int, without: List[str]) -> None:
    """Serve until somebody ends it."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import run_simple

    mend(without)
    doors = Front(Doors(DomainDispatcherApplication(create_backend_app)))
    run_simple(host, port, doors, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
