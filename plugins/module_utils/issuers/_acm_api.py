# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACM and Route 53 as the issuer asks them: clients opened once, and one listing for all."""

from __future__ import annotations

from threading import Lock
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from .. import aws
from ..x509 import pem
from ..x509.certificate import Certificate
from ..x509.chain import Chain
from ._acm_records import REGION, Records

ISSUED = "ISSUED"


class Api:
    """One account and region. `place` is both of them, once it was opened."""

    def __init__(self, options: Mapping[str, Any], key_algorithms: Sequence[str]) -> None:
        self._options, self._key_algorithms = options, list(key_algorithms)
        self._opened: Optional[Tuple[Any, str, str]] = None  # client, account, region
        self._zones: Optional[Records] = None
        self._rows: Optional[Dict[str, Mapping[str, Any]]] = None
        self._lock = Lock()

    def open(self) -> Tuple[str, str]:
        """Account and region; ClmError when nobody answers there."""
        return self._open()[1:]

    def _open(self) -> Tuple[Any, str, str]:
        with self._lock:
            if self._opened is None:
                account, region = aws.account(self._options)
                number = account.id
                if not number:
                    with aws.told("sts GetCallerIdentity"):
                        number = str(account.client("sts", region).get_caller_identity()["Account"])
                self._opened = account.client("acm", region), number, region
            return self._opened

    def zones(self) -> Records:
        """The hosted zones, of another account where a role for the DNS is named."""
        if self._zones is None:
            role = self._options.get("dns_role_arn") or self._options.get("role_arn")
            account, region = aws.account({**self._options, "region": None, "role_arn": role}, REGION)
            self._zones = Records(account.client("route53", region), self._options.get("hosted_zone_ids") or ())
        return self._zones

    def request(self, **arguments: Any) -> str:
        """The ARN of what was asked for."""
        with aws.told("acm RequestCertificate"):
            return str(self._open()[0].request_certificate(**arguments)["CertificateArn"])

    def describe(self, ref: str) -> Mapping[str, Any]:
        """What ACM says of it now."""
        with aws.told("acm DescribeCertificate"):
            found: Mapping[str, Any] = self._open()[0].describe_certificate(CertificateArn=ref)["Certificate"]
        return found

    def chain(self, ref: str) -> Chain:
        """Leaf and intermediates in order, without the root."""
        with aws.told("acm GetCertificate"):
            answer = self._open()[0].get_certificate(CertificateArn=ref)
        blocks = pem.split(f"{answer['Certificate']}\n{answer.get('CertificateChain') or ''}\n")
        found = [Certificate.parse(block.der) for block in blocks]
        return Chain.parse([found[0].der, *(one.der for one in found[1:] if not one.self_issued)])

    def listed(self) -> Mapping[str, Mapping[str, Any]]:
        """What ACM's listing says of every issued certificate by its ARN, from one listing for all."""
        client = self._open()[0]
        with self._lock:
            if self._rows is None:
                arguments = {"CertificateStatuses": [ISSUED], "Includes": {"keyTypes": self._key_algorithms}}
                rows = aws.pages(client, "list_certificates", "CertificateSummaryList", **arguments)
                self._rows = {str(row["CertificateArn"]): row for row in rows}
            return self._rows
