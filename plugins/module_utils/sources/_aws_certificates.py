# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that AWS keeps: listed by ACM, Private CA and IAM, and read one by one only where a listing cannot tell the bytes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from .. import files
from ..aws import pages, told
from ..errors import ClmError, NotFoundError
from ..x509 import pem

# Without the filter ACM lists RSA keys of 1024 and 2048 bits alone (API reference of ListCertificates, Filters.keyTypes).
KEY_TYPES = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
READABLE = ("ISSUED", "EXPIRED", "REVOKED", "INACTIVE", "ACTIVE", "DISABLED", "")
DELETED = "DELETED"
MAX_CHAIN = 16
LARGEST = 256 * 1024 * 1024
FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """One certificate in ACM or IAM, or that of a private CA.

    `stamp` changes whenever its bytes do. `id` is what CloudFront calls one of IAM by.
    `in_use` is None where AWS does not tell: a certificate of IAM may be served in regions that nobody asked.
    """

    service: str
    arn: str
    stamp: str
    id: str = ""
    status: str = ""
    in_use: Optional[bool] = None
    kind: str = ""
    name: str = ""


def acm(client: Any) -> Iterator[Entry]:
    """Every certificate of ACM in the region, of all key types."""
    for one in pages(client, "list_certificates", "CertificateSummaryList", Includes={"keyTypes": KEY_TYPES}):
        stamp = "|".join(str(one.get(name, "")) for name in ("NotBefore", "NotAfter", "ImportedAt", "IssuedAt"))
        yield Entry(
            "acm", one["CertificateArn"], stamp, "", str(one.get("Status") or ""), bool(one.get("InUse")), str(one.get("Type") or ""),
            str(one.get("DomainName") or ""),
        )  # fmt: skip


def iam(client: Any) -> Iterator[Entry]:
    """Every server certificate of IAM; nothing of it tells whether it is in use."""
    for one in pages(client, "list_server_certificates", "ServerCertificateMetadataList"):
        stamp = f"{one['ServerCertificateId']}|{one.get('UploadDate', '')}"
        yield Entry("iam", one["Arn"], stamp, one["ServerCertificateId"], kind="IMPORTED", name=one["ServerCertificateName"])


def pca(client: Any) -> Iterator[Entry]:
    """The certificate of every private CA in the region; one that issues is in use, of any other AWS does not tell."""
    for one in pages(client, "list_certificate_authorities", "CertificateAuthorities"):
        status, subject = str(one.get("Status") or ""), (one.get("CertificateAuthorityConfiguration") or {}).get("Subject") or {}
        if status != DELETED:
            stamp = "|".join(str(one.get(name, "")) for name in ("NotBefore", "NotAfter", "Serial"))
            name, in_use = str(subject.get("CommonName") or ""), True if status == "ACTIVE" else None
            yield Entry("acm-pca", one["Arn"], stamp, "", status, in_use, str(one.get("Type") or ""), name)


class Reader:
    """Reads the chains of entries: `concurrency` at a time, and never one whose bytes are known from an earlier look."""

    def __init__(self, concurrency: int, kept_in: str = "") -> None:
        self._concurrency = max(1, concurrency)
        self._path = kept_in
        self._kept: Dict[str, Any] = _load(kept_in) if kept_in else {}
        self._fresh: Dict[str, Any] = {}

    def read(self, wanted: Iterable[Tuple[Entry, Any]]) -> Dict[str, Tuple[Tuple[bytes, ...], str]]:
        """By ARN, the DER certificates and what is wrong; each entry comes with the client to read it by."""
        pairs = list({entry.arn: (entry, client) for entry, client in wanted}.values())
        with ThreadPoolExecutor(max_workers=self._concurrency) as pool:
            return dict(zip([entry.arn for entry, _client in pairs], pool.map(self._one, pairs)))

    def save(self) -> None:
        """Keep what was read for the next look, durably; what this look did not meet is forgotten."""
        if self._path:
            data = json.dumps({"format": FORMAT, "certificates": self._fresh}, sort_keys=True)
            files.write(self._path, data.encode(), mode=0o644)

    def _one(self, pair: Tuple[Entry, Any]) -> Tuple[Tuple[bytes, ...], str]:
        entry, client = pair
        if entry.status not in READABLE:
            return (), f"the certificate is {entry.status} and has no bytes yet"
        try:
            text = self._known(entry) or _fetch(entry, client)
            chain = tuple(block.der for block in pem.split(text, limit=MAX_CHAIN))
        except ClmError as error:
            return (), str(error)
        self._fresh[entry.arn] = {"stamp": entry.stamp, "chain_pem": text}
        return chain, ""

    def _known(self, entry: Entry) -> str:
        kept = self._kept.get(entry.arn)
        return str(kept.get("chain_pem") or "") if isinstance(kept, Mapping) and kept.get("stamp") == entry.stamp else ""


def _fetch(entry: Entry, client: Any) -> str:
    with told(f"{entry.service} {entry.arn}"):
        if entry.service == "acm-pca":
            answer = client.get_certificate_authority_certificate(CertificateAuthorityArn=entry.arn)
            return _joined(answer.get("Certificate"), answer.get("CertificateChain"))
        if entry.service == "acm":
            answer = client.get_certificate(CertificateArn=entry.arn)
            return _joined(answer.get("Certificate"), answer.get("CertificateChain"))
        found = client.get_server_certificate(ServerCertificateName=entry.name)["ServerCertificate"]
        return _joined(found.get("CertificateBody"), found.get("CertificateChain"))


def _joined(leaf: Optional[str], chain: Optional[str]) -> str:
    """Leaf and chain as one text; AWS ends neither with a line feed for certain."""
    return "".join(f"{part.strip()}\n" for part in (leaf, chain) if part and part.strip())


def _load(path: str) -> Dict[str, Any]:
    """What an earlier look kept; empty when there is none, or it is damaged: then all is read again."""
    try:
        data = json.loads(files.read(path, LARGEST))
    except (NotFoundError, ValueError):
        return {}
    kept = data.get("certificates") if isinstance(data, dict) and data.get("format") == FORMAT else None
    return kept if isinstance(kept, dict) else {}


def tags(client: Any) -> Dict[str, List[Tuple[str, str]]]:
    """By ARN the tags of everything in the region that may hold or serve a certificate, from one listing."""
    kinds = ["acm:certificate", "acm-pca:certificate-authority", "elasticloadbalancing:loadbalancer", "apigateway:domainnames"]
    kinds += ["cloudfront:distribution"]
    found: Dict[str, List[Tuple[str, str]]] = {}
    for one in pages(client, "get_resources", "ResourceTagMappingList", ResourceTypeFilters=kinds):
        found[one["ResourceARN"]] = [(str(tag.get("Key")), str(tag.get("Value"))) for tag in one.get("Tags", ())]
    return found
