# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""moto with what it gets wrong mended, as a server: `aws_shim.py HOST PORT [PATCH LEFT OUT...]`. Tier B, an emulator.

Each patch cites AWS's documentation, and tests/unit/sources/test_aws_shim.py shows that the emulator fails without it. Doors of the lab:
`GET /_calls` counts calls by service:Operation, `DELETE /_calls` starts anew, and `PUT /_faults` takes rules that refuse calls,
as [{"match": "acm:ListCertificates", "times": 2, "code": "ThrottlingException"}] or with "share": 0.3 instead of times.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from threading import Lock
from typing import Any, Callable, Dict, List, Set
from urllib.parse import parse_qs

from moto.acm.models import AWS_ROOT_CA, AWSCertificateManagerBackend
from moto.acm.responses import AWSCertificateManagerResponse
from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.cloudfront.models import cloudfront_backends
from moto.core.responses import ActionResult
from moto.elbv2.models import elbv2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

PAGE = 1000
DEFAULT_KEY_TYPES = ("RSA_1024", "RSA_2048")
PATCHES: Dict[str, Callable[[], None]] = {}


def patch(apply: Callable[[], None]) -> Callable[[], None]:
    """One thing that is mended; by its name a test can leave it out."""
    PATCHES[apply.__name__] = apply
    return apply


def users_of(arn: str, account: str, region: str) -> Set[str]:
    """The ARNs of everything that serves the certificate."""
    found = set()
    for balancer in elbv2_backends[account][region].load_balancers.values():
        if any(arn in listener.certificates for listener in balancer.listeners.values()):
            found.add(balancer.arn)
    for one in cloudfront_backends[account]["aws"].distributions.values():
        if arn in repr(vars(one.distribution_config.ViewerCertificate)):
            found.add(one.arn)
    for backends in (apigateway_backends, apigatewayv2_backends):
        for name, one in backends[account][region].domain_names.items():
            if arn in repr([one.__dict__.get("certificate_arn"), one.__dict__.get("domain_name_configurations")]):
                found.add(f"arn:aws:apigateway:{region}::/domainnames/{name}")
    return found


@patch
def acm_list() -> None:
    """Pages of at most 1,000 with NextToken; RSA keys of 1,024 and 2,048 bits alone unless keyTypes asks for more.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html and API_Filters.html
    """

    def list_certificates(self: Any) -> ActionResult:
        includes = dict(self._get_param("Includes") or {})
        includes.setdefault("keyTypes", list(DEFAULT_KEY_TYPES))
        start = int(self._get_param("NextToken") or 0)
        size = min(int(self._get_param("MaxItems") or PAGE), PAGE)
        every = list(self.acm_backend.list_certificates(self._get_param("CertificateStatuses"), includes))
        rows = []
        for bundle in every[start : start + size]:
            row = bundle.describe()["Certificate"]
            row.pop("InUseBy", None)
            rows.append({**row, "InUse": bool(users_of(bundle.arn, self.current_account, self.region)), "Exported": False})
        more = {"NextToken": str(start + size)} if start + size < len(every) else {}
        return ActionResult(result={"CertificateSummaryList": rows, **more})

    AWSCertificateManagerResponse.list_certificates = list_certificates


@patch
def acm_in_use_by() -> None:
    """InUseBy names load balancers, distributions and domain names, also for SNI certificates and after a listener was modified.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
    """

    def describe_certificate(self: Any) -> ActionResult:
        bundle = self.acm_backend.describe_certificate(self._get_param("CertificateArn"))
        answer = bundle.describe()
        answer["Certificate"]["InUseBy"] = sorted(users_of(bundle.arn, self.current_account, self.region))
        return ActionResult(result=answer)

    AWSCertificateManagerResponse.describe_certificate = describe_certificate
    AWSCertificateManagerBackend.set_certificate_in_use_by = lambda self, arn, load_balancer_name: None


@patch
def acm_chain() -> None:
    """An imported certificate has the chain that came with it, and no root that nobody gave.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_GetCertificate.html
    """

    def get_certificate(self: Any) -> ActionResult:
        bundle = self.acm_backend.get_certificate(self._get_param("CertificateArn"))
        chain = bundle.chain.decode()
        if bundle.type == "IMPORTED":
            chain = chain.replace(AWS_ROOT_CA.decode(), "").strip()
        return ActionResult(result={"Certificate": bundle.cert.decode(), **({"CertificateChain": chain} if chain else {})})

    AWSCertificateManagerResponse.get_certificate = get_certificate


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
        if path in ("/_calls", "/_faults"):
            return self._door(path, method, environ, start_response)
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
            if "share" in rule:
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
            elif method == "DELETE":
                self._calls.clear()
            answer = json.dumps(dict(self._calls)).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
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

    for name, apply in PATCHES.items():
        if name not in without:
            apply()
    run_simple(host, port, Doors(DomainDispatcherApplication(create_backend_app)), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
