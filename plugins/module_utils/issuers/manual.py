# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA that is reached through people: the request goes into a folder, and the signed certificate comes back into it.

`<path>/<lineage>.<version>.csr` waits for `<path>/<lineage>.<version>.pem` with the certificate and its intermediates.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from .. import files
from ..contracts import Answer, Clock, Issued, IssueRequest, Pending
from ..errors import ClmError, ConfigError, MalformedError, NotFoundError
from ..identifiers import is_name
from ..x509.bundle import Bundle
from ..x509.chain import Chain, is_signed_by
from ..x509.request import Request
from ..x509.request import parse as parse_request

NAME = "manual"
OPTIONS: Dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "name": {"type": "str", "required": True},
    "anchors": {"type": "path", "required": True},
    "contact": {"type": "str"},
}
PUBLIC = "public"
LARGEST = 1024 * 1024


def create(options: Mapping[str, Any], clock: Clock) -> Manual:
    """The CA of that name, worked through that folder; ConfigError when the name is none."""
    if not is_name(options.get("name")):
        raise ConfigError("the CA needs a name of a-z, 0-9, '.', '_' and '-'", field="issuer.name")
    return Manual(str(options["path"]), str(options["name"]), str(options["anchors"]), str(options.get("contact") or ""))


class Manual:
    """Issuer and Anchored. It answers Pending until somebody has put the signed certificate into the folder."""

    def __init__(self, path: str, name: str, anchors: str, contact: str) -> None:
        self._path = os.path.abspath(os.path.expanduser(path))
        self._name = name
        self._anchors = anchors
        self._contact = contact or f"whoever asks the CA {name} for certificates"

    def begin(self, request: IssueRequest) -> Answer:
        """Pending with the CSR durable in the folder; Issued when its certificate is there already."""
        csr = parse_request(request.csr_pem)
        if set(csr.names) != set(request.names):
            raise ConfigError("the names in the CSR are not the ones that are asked for", field="csr")
        ref = request.request_id.replace("/", ".")
        path = self._file(ref, "csr")
        try:
            kept = files.read(path, LARGEST)
        except NotFoundError:
            self._write(path, csr.pem)
        else:
            if parse_request(kept.decode("ascii", "replace")).spki_der != csr.spki_der:
                raise ConfigError(f"{path} is there already, for another key", hint="remove it when nobody waits for its certificate")
        return self.resume(ref, request)

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        """Issued once the certificate is in the folder and fits its CSR; ClmError says what is wrong with one that does not."""
        kept, path = self._file(ref, "csr"), self._file(ref, "pem")
        csr = parse_request(files.read(kept, LARGEST).decode("ascii", "replace"))
        try:
            text = files.read(path, LARGEST)
        except NotFoundError:
            what = f"have {kept} signed, and put the certificate with its intermediates into {path}"
            return Pending(ref, who_must_act=f"{self._contact}: {what}")
        try:
            return Issued(self._checked(text, csr))
        except ClmError as error:
            raise type(error)(f"{path}: {error.message}", hint=error.hint or f"put the right certificate for {kept} there") from None

    def identity(self) -> str:
        """The CA's name: whoever gives two folders one name says that their certificates are interchangeable."""
        return f"{NAME}:{self._name}"

    def anchors_pem(self) -> str:
        """The anchors of the CA."""
        return self._bundle().pem

    def _checked(self, text: bytes, csr: Request) -> str:
        """The chain in order without its root, when it is for the request's key and ends at the anchors."""
        chain = Chain.parse(text)
        chain.check_key(csr.spki_sha256)
        chain.check_signatures()
        last = chain.certificates[-1]
        if not any(is_signed_by(last, anchor) for anchor in self._bundle().certificates):
            raise MalformedError(
                f"the chain ends at {last.issuer!r}, which is none of the anchors in {self._anchors}",
                hint="put the missing intermediates behind the certificate in the same file, or mend anchors",
            )
        return chain.pem

    def _bundle(self) -> Bundle:
        return Bundle.public() if self._anchors == PUBLIC else Bundle.parse(files.read(os.path.expanduser(self._anchors)))

    def _file(self, ref: str, suffix: str) -> str:
        if not is_name(ref):
            raise NotFoundError(f"{ref[:130]!r} is no reference to a request in {self._path}")
        return os.path.join(self._path, f"{ref}.{suffix}")

    def _write(self, path: str, csr: str) -> None:
        try:
            os.makedirs(self._path, 0o755, exist_ok=True)
        except OSError as error:
            raise files.explain(error, self._path, "create the folder for requests") from error
        files.write(path, csr.encode("ascii"), mode=0o644)
