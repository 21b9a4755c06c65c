# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listeners of the emulator, really serving: TLS on loopback with the certificate that the emulator has bound, chosen by SNI.

Runs inside the emulator's process, for ACM gives no key away. `PUT /_front` takes a list of

    {"place": "arn:...:listener/...", "port": 9443, "addresses": [{"address": "127.1.0.1", "delay": 0.5}, ...]}

and serves from then on. Each address takes a change by itself: `delay` seconds after it first saw it, with `flap` so many seconds
of old and new in turns before it settles, and with `never` not at all. The same address again behaves anew. Where the place verifies
its clients, so does the front, by what the emulator says at that moment: see aws_verify.py.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import ssl
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Dict, List, Optional, Tuple

from aws_verify import ANSWER, OFF, admit, door_of
from cryptography import x509
from moto.acm.models import AWS_ROOT_CA, acm_backends
from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.cloudfront.models import cloudfront_backends
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from OpenSSL import SSL

Held = Tuple[str, bytes]  # the ARN, and the certificate that it has now
SECONDS = 5.0


@dataclass(frozen=True)
class Certificate:
    """What is needed to serve one."""

    context: ssl.SSLContext
    pem: bytes  # its key, then its chain
    names: Tuple[str, ...]
    begins: float
    ends: float

    def is_for(self, name: str) -> bool:
        return any(one == name or (one.startswith("*.") and name.partition(".")[2] == one[2:]) for one in self.names)


class Keys:
    """Certificates of the emulator with their keys, each made ready once."""

    def __init__(self) -> None:
        self._ready: Dict[Held, Certificate] = {}
        self._lock = threading.Lock()

    def get(self, account: str, held: Held) -> Certificate:
        with self._lock:
            if held not in self._ready:
                self._ready[held] = self._load(bundle_of(held[0], account))
            return self._ready[held]

    @staticmethod
    def _load(bundle: Any) -> Certificate:
        leaf = x509.load_pem_x509_certificate(bundle.cert)
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pem = bundle.key.strip() + b"\n" + bundle.cert.strip() + b"\n" + bundle.chain.replace(AWS_ROOT_CA, b"").strip() + b"\n"
        with tempfile.NamedTemporaryFile(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as file:
            file.write(pem)
            file.flush()
            context.load_cert_chain(file.name)
        return Certificate(context, pem, tuple(found), leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp())


@dataclass
class Spot:
    """One address of a place: what it serves now, and since when it knows of something newer."""

    account: str
    region: str
    place: str
    delay: float = 0.0
    flap: float = 0.0
    never: bool = False
    active: Optional[List[Held]] = None
    pending: Optional[List[Held]] = None
    since: float = 0.0
    turn: int = 0

    def serves(self) -> List[Held]:
        """The certificates for the next connection, the default first."""
        now, bound = time.monotonic(), bound_at(self.place, self.account, self.region)
        if self.active is None:
            self.active = bound
        if bound == self.active or self.never:
            self.pending = None
            return self.active
        if bound != self.pending:
            self.pending, self.since = bound, now
        if now - self.since >= self.delay + self.flap:
            self.active = bound
        elif now - self.since >= self.delay:
            self.turn += 1
            return bound if self.turn % 2 else self.active
        return self.active


def bound_at(place: str, account: str, region: str) -> List[Held]:
    """What the emulator has bound at a place now, the default first."""
    found = [(arn, bundle_of(arn, account)) for arn in arns_of(place, account, region)]
    return [(arn, bundle.cert) for arn, bundle in found if bundle is not None]


def bundle_of(arn: str, account: str) -> Any:
    """What ACM or IAM has under the ARN, None when it has nothing."""
    if ":acm:" in arn:
        return acm_backends[account][arn.split(":")[3]]._certificates.get(arn)
    kept = iam_backends[account]["aws"].get_certificate_by_arn(arn)
    return kept and SimpleNamespace(cert=kept.cert_body.encode(), key=kept.private_key.encode(), chain=(kept.cert_chain or "").encode())


def arns_of(place: str, account: str, region: str) -> List[str]:
    """The ARNs that the emulator has bound there, the default first; an ARN of ACM is a place by itself.

    Of others the place is region and account in an ARN with `classic/NAME`, `distribution/ID`, `rest/NAME` and `http/NAME`.
    """
    kind, _slash, name = place.split(":", 5)[5].partition("/")
    if kind == "classic":
        return [one.ssl_certificate_id for one in elb_backends[account][region].load_balancers[name].listeners if one.ssl_certificate_id]
    if kind == "distribution":
        return [cloudfront_backends[account]["aws"].distributions[name].distribution_config.ViewerCertificate.acm_certificate_arn]
    if kind == "rest":
        domain = apigateway_backends[account][region].domain_names[name]
        return [domain.regional_certificate_arn or domain.certificate_arn]
    if kind == "http":
        settings = apigatewayv2_backends[account][region].domain_names[name].domain_name_configurations
        return [one["certificateArn"] for one in settings]
    if ":listener/" in place:
        balancers = elbv2_backends[account][region].load_balancers.values()
        return next(list(one.certificates) for balancer in balancers for arn, one in balancer.listeners.items() if arn == place)
    return [place]


class Front:
    """A WSGI application before the emulator, with the door `/_front` and the servers behind it."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._keys = Keys()
        self._spots: Dict[Tuple[str, int], Spot] = {}
        self._waiting = selectors.DefaultSelector()
        self._pool = ThreadPoolExecutor(max_workers=32)
        self._thread: Optional[threading.Thread] = None

    def __call__(self, environ: Dict[str, Any], start_response: Any) -> Any:
        if environ.get("PATH_INFO") != "/_front":
            return self._application(environ, start_response)
        for place in json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))):
            self._open(place)
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    def _open(self, place: Dict[str, Any]) -> None:
        parts = place["place"].split(":")
        for one in place["addresses"]:
            more = {name: value for name, value in one.items() if name != "address"}
            known = self._spots.get((one["address"], place["port"]))
            if known is not None:
                known.delay, known.flap, known.never = more.get("delay", 0.0), more.get("flap", 0.0), more.get("never", False)
                continue
            spot = Spot(parts[4], parts[3], place["place"], **more)
            for held in spot.serves():  # from now on it knows what was there first, also when that is imported over
                self._keys.get(spot.account, held)
            self._spots[(one["address"], place["port"])] = spot
            listener = socket.create_server((one["address"], place["port"]), backlog=64)
            listener.setblocking(False)
            self._waiting.register(listener, selectors.EVENT_READ, spot)
        if self._thread is None:
            self._thread = threading.Thread(target=self._accept, daemon=True)
            self._thread.start()

    def _accept(self) -> None:
        while True:
            for key, _events in self._waiting.select(0.2):
                try:
                    connection, _peer = key.fileobj.accept()  # type: ignore[union-attr]
                except OSError:
                    continue
                self._pool.submit(self._serve, key.data, connection)

    def _serve(self, spot: Spot, connection: socket.socket) -> None:
        try:
            connection.settimeout(SECONDS)
            ready = [self._keys.get(spot.account, held) for held in spot.serves()]
            door = door_of(spot.place, spot.account, spot.region)
            if door.mode != OFF:
                admit(connection, door, [one.pem for one in ready], lambda name: ready.index(chosen(ready, name)), SECONDS)
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.sni_callback = lambda tls, name, _context: setattr(tls, "context", chosen(ready, name or "").context)
            with context.wrap_socket(connection, server_side=True) as tls:
                if tls.recv(4096):
                    tls.sendall(ANSWER % b"-")
        except (OSError, ssl.SSLError, SSL.Error, IndexError):
            pass
        finally:
            connection.close()


def chosen(ready: List[Certificate], name: str) -> Certificate:
    """The default where no certificate names the host, else of those that do one that is valid, and of these the longest-lived.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
    """
    fitting = [one for one in ready if one.is_for(name.lower())]
    now = time.time()
    return max(fitting, key=lambda one: (one.ends > now, one.ends - one.begins), default=ready[0])
