# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM as the place where a target of AWS puts certificates, for regions and services without ACM: each version under a name of its own."""

from __future__ import annotations

import re
import time
from typing import Any, Callable, Collection, Dict, List, Tuple

from ..aws import pages, told
from ..contracts import Version, Where
from ..errors import ClmError, known
from ..x509 import pem
from ._aws_clients import asked
from ._aws_store import AcmStore, tags_of
from ._powers import RefusedError

REGION = "us-east-1"  # where IAM's endpoint is
_NOT_IN_NAMES = re.compile(r"[^\w+=,.@-]")
LONGEST_NAME = 128
NAMED = re.compile(r"(.*)-([0-9a-f]{16})\Z")
NEW_IN_IAM = 15  # attempts, a second apart
STORE_OPTION: Dict[str, Any] = {"type": "str", "choices": ["acm", "iam"], "default": "acm"}
Sleep = Callable[[float], None]


def is_iam(arn: str) -> bool:
    """Whether it is one of IAM."""
    return arn.split(":")[2:3] == ["iam"]


def _name(where: Where, sha256: str) -> str:
    """What a version of the place's lineage is called."""
    return f"{_lineage_in_names(where)}-{sha256[:16]}"


def _lineage_in_names(where: Where) -> str:
    return _NOT_IN_NAMES.sub("_", str(where.get("lineage") or "")[: LONGEST_NAME - 17])


def bind_when_known(arn: str, bind: Callable[[], None], sleep: Sleep = time.sleep) -> None:
    """Bind a certificate; one that IAM has just got may not be known elsewhere for some seconds."""
    for left in reversed(range(NEW_IN_IAM if is_iam(arn) else 1)):
        try:
            return bind()
        except RefusedError as error:
            if not left or "CertificateNotFound" not in error.message:
                raise
            sleep(1.0)


class IamStore:
    """Server certificates of IAM; it shares keys, clients and what was read with the store of ACM."""

    def __init__(self, acm: AcmStore) -> None:
        self._acm = acm

    def _client(self, where: Where) -> Any:
        return self._acm.clients.get(where, "iam", REGION)

    def place(self, where: Where, version: Version) -> str:
        """The ARN of the version; its name is made of lineage and SHA-256, so what an earlier run uploaded is found again."""
        name = _name(where, version.sha256)
        with self._acm.turn((*self._acm.clients.key(where), name)):
            found = self._arn(where, name)
            if not found:
                return self._upload(where, name, version)
            if [one.der for one in pem.split(self._acm.chain(where, found))] != [one.der for one in pem.split(version.chain_pem)]:
                raise RefusedError(f"{found} is something else than its name says", hint="delete it, then run again")
            return found

    def _arn(self, where: Where, name: str) -> str:
        """The ARN of the certificate of that name, empty when there is none."""
        try:
            with told(f"iam {name}"):
                answer = self._client(where).get_server_certificate(ServerCertificateName=name)
        except ClmError as error:
            if (getattr(error.__cause__, "response", None) or {}).get("Error", {}).get("Code") == "NoSuchEntity":
                return ""
            raise
        return str(answer["ServerCertificate"]["ServerCertificateMetadata"]["Arn"])

    def _upload(self, where: Where, name: str, version: Version) -> str:
        blocks = [pem.encode("CERTIFICATE", block.der) for block in pem.split(version.chain_pem)]
        key = known(self._acm.keys, "the secret store").key(known(version.key, "the key"))
        body: Dict[str, Any] = {"ServerCertificateName": name, "CertificateBody": blocks[0], "PrivateKey": key.reveal().decode()}
        body.update({"CertificateChain": "".join(blocks[1:])} if blocks[1:] else {})
        with asked(f"iam UploadServerCertificate {name}"):
            answer = self._client(where).upload_server_certificate(**body, Tags=tags_of(where, version))
        return str(answer["ServerCertificateMetadata"]["Arn"])

    def copies(self, where: Where, sha256s: Collection[str]) -> Dict[str, str]:
        """By ARN the SHA-256 of those of these versions that lie there, by their names in one listing."""
        names = {_name(where, one): one for one in sha256s}
        rows = pages(self._client(where), "list_server_certificates", "ServerCertificateMetadataList")
        return {str(row["Arn"]): names[row["ServerCertificateName"]] for row in rows if row["ServerCertificateName"] in names}

    def mine_and_foreign(self, where: Where, arns: Collection[str]) -> Tuple[List[str], List[str]]:
        """Those of the place's lineage, and those of none: what this collection uploads says in its name whose it is and which."""
        mine, foreign = [], []
        for arn in arns:
            named = NAMED.match(arn.rsplit("/", 1)[-1])
            if named is None or pem.sha256(pem.split(self._acm.chain(where, arn))[0].der)[:16] != named.group(2):
                foreign.append(arn)
            elif named.group(1) == _lineage_in_names(where):
                mine.append(arn)
        return mine, foreign

    def drop(self, where: Where, arn: str) -> None:
        """Delete it; RefusedError while a load balancer or a distribution uses it, which IAM knows."""
        with asked(f"iam DeleteServerCertificate {arn}", in_use="DeleteConflict"):
            self._client(where).delete_server_certificate(ServerCertificateName=arn.rsplit("/", 1)[-1])
