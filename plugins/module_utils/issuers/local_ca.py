# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA in a folder: it answers at once, remembers what it issued for which request, and revokes by its own CRL.

It trusts its caller for one thing: that the request's key belongs to whoever asks. The issue flow makes the request itself,
or has checked the signature of one that came from elsewhere.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..contracts import Answer, Clock, Issued, IssueRequest
from ..errors import ClmError, ConfigError, NotFoundError
from ..x509 import pem
from ..x509._crypto import serialization, x509
from ..x509.key import spki_sha256
from ..x509.request import Request
from ..x509.request import parse as parse_request
from . import _local_ca_crl as crl
from ._local_ca_build import LeafMaker
from ._local_ca_folder import INTERMEDIATE, ROOT, Folder, passphrase_of
from ._local_ca_log import IssuedLog, entry
from ._local_ca_names import Constraints

NAME = "local_ca"
OPTIONS: Dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "passphrase": {"type": "str", "no_log": True},
    "passphrase_file": {"type": "path", "no_log": False},
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/-]{1,300}\Z")


def create(options: Mapping[str, Any], clock: Clock) -> LocalCa:
    """The CA of a folder that `certops.clm.local_ca` set up; the passphrase is read when it first signs."""
    return LocalCa(Folder(str(options["path"])), lambda: passphrase_of(options), clock)


class LocalCa:
    """Issuer, BatchIssuer, Anchored and Revoker."""

    def __init__(self, folder: Folder, passphrase: Any, clock: Clock) -> None:
        self._folder = folder
        self._passphrase = passphrase
        self._clock = clock
        self._maker: Optional[Tuple[LeafMaker, Constraints, str]] = None

    def begin(self, request: IssueRequest) -> Answer:
        """The certificate, at once; a refusal is a ClmError."""
        (answer,) = self.begin_many([request])
        if isinstance(answer, ClmError):
            raise answer
        return answer

    def begin_many(self, requests: Sequence[IssueRequest]) -> List[Union[Answer, ClmError]]:
        """One answer each; what was issued is durable in the log before this returns."""
        maker, constraints, intermediate = self._ready()
        now = self._clock()
        fresh: Dict[str, Dict[str, Any]] = {}
        answers: List[Union[Answer, ClmError]] = []
        with IssuedLog(self._folder.file("issued.jsonl")) as log:
            for request in requests:
                try:
                    known = fresh.get(request.request_id) or log.find(_checked_id(request.request_id))
                    der = _again(request, known) if known else self._make(request, maker, constraints, now, fresh)
                    answers.append(Issued(pem.encode(pem.CERTIFICATE, der) + intermediate))
                except ClmError as error:
                    answers.append(error)
            log.append([entry(name, one["certificate"], one["sha256"]) for name, one in fresh.items()])
        return answers

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        """What was issued for that request_id; NotFoundError when nothing was, for nothing is ever left pending."""
        with IssuedLog(self._folder.file("issued.jsonl")) as log:
            found = log.find(_checked_id(ref))
        if found is None:
            raise NotFoundError(f"the local CA issued nothing for {ref}")
        return Issued(pem.encode(pem.CERTIFICATE, found["certificate"]) + self._intermediate_pem())

    def identity(self) -> str:
        """The same for every intermediate below one root: who trusts the one trusts the other."""
        return f"{NAME}:{spki_sha256(self._folder.known(ROOT).public_key())}"

    def anchors_pem(self) -> str:
        """The root; empty before the CA is set up."""
        root = self._folder.certificate(ROOT)
        return _pem(root) if root is not None else ""

    def revoke(self, certificate_pem: str, reason: str) -> None:
        """Revoke a leaf of this CA and write the CRL; ConfigError when it is another CA's. Doing it again is no error."""
        ca = self._folder.known(INTERMEDIATE)
        der = pem.split(certificate_pem)[0].der
        try:
            certificate = x509.load_der_x509_certificate(der)
            certificate.verify_directly_issued_by(ca)
        except Exception as error:  # of many kinds, and all say the same
            raise ConfigError("the certificate was not issued by this CA", hint="ask the CA that its issuer field names") from error
        now = self._clock()
        with IssuedLog(self._folder.file("issued.jsonl")):
            crl.add_revoked(self._folder, certificate, reason, now)
            if crl.crl_due(self._folder, INTERMEDIATE, ca, now):
                key = self._folder.signing_key(INTERMEDIATE, self._passphrase)
                crl.write_crl(self._folder, INTERMEDIATE, ca, key, self._folder.publishing().crl_lifetime, now)

    def _ready(self) -> Tuple[LeafMaker, Constraints, str]:
        if self._maker is None:
            ca = self._folder.known(INTERMEDIATE)
            key = self._folder.signing_key(INTERMEDIATE, self._passphrase)
            if spki_sha256(key) != spki_sha256(ca.public_key()):
                raise ConfigError(f"the key of the intermediate and intermediate.pem in {self._folder.path} do not belong together")
            self._maker = LeafMaker(ca, key, self._folder.publishing()), Constraints(ca), _pem(ca)
        return self._maker

    def _intermediate_pem(self) -> str:
        return _pem(self._folder.known(INTERMEDIATE))

    @staticmethod
    def _make(request: IssueRequest, maker: LeafMaker, limits: Constraints, now: datetime, fresh: Dict[str, Any]) -> bytes:
        csr = parse_request(request.csr_pem)
        _check_names(request, csr)
        limits.check(csr.names)
        made = maker.make(request, csr, now)
        der = made.public_bytes(serialization.Encoding.DER)
        fresh[request.request_id] = {"certificate": der, "sha256": pem.sha256(der)}
        return der


def _checked_id(request_id: str) -> str:
    if not _REQUEST_ID.match(request_id):
        raise ConfigError(f"{request_id[:80]!r} is no request_id", field="request_id")
    return request_id


def _check_names(request: IssueRequest, csr: Request) -> None:
    if csr.names != request.names and set(csr.names) != set(request.names):
        raise ConfigError("the names in the CSR are not the ones that are asked for", field="csr")
    if not csr.names:
        raise ConfigError("a certificate without names is of no use to a server", field="names")


def _again(request: IssueRequest, known: Mapping[str, Any]) -> bytes:
    """What was issued for this request_id before; refused when it was for another key."""
    der: bytes = known["certificate"]
    if pem.leaf_facts(der).spki_der != parse_request(request.csr_pem).spki_der:
        raise ConfigError(f"{request.request_id} was used before, for another key", field="request_id")
    return der


def _pem(certificate: Any) -> str:
    return pem.encode(pem.CERTIFICATE, certificate.public_bytes(serialization.Encoding.DER))
