# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Private CA of the lab's emulator (tier B) behind a proxy that makes a bad day of it; the SDK is sent there by AWS_ENDPOINT_URL."""

from __future__ import annotations

import http.client
import json
import os
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.certops.clm.tests.lab.aws import Aws
from ansible_collections.certops.clm.tests.lab.private_ca import private_ca

from .ca_proxy import Middle

HOME = "127.0.0.1"
ISSUE, FETCH = "ACMPrivateCA.IssueCertificate", "ACMPrivateCA.GetCertificate"
MOST = 120  # requests in a whole cell


class AwsProxy(Middle):
    """What is asked is the operation, as the SDK names it in a header."""

    def __init__(self, aws: Aws, arn: str, log: Path) -> None:
        super().__init__(log)
        self.aws, self.arn = aws, arn
        self.url = f"http://{self.serve(HOME, None)}"

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOME, self.aws.port, timeout=30)

    def what(self, path: str, headers: Mapping[str, str]) -> str:
        return str(headers.get("X-Amz-Target") or path)

    def keep(self, what: str, status: int, body: bytes) -> None:
        """AWS issues when it is asked: what nobody fetches is issued all the same, so it is fetched for the log."""
        if status == 200 and what == ISSUE:
            self.write(fetched(self.aws, self.arn, str(json.loads(body)["CertificateArn"])))


def fetched(aws: Aws, ca: str, arn: str) -> bytes:
    """What was issued under that ARN; AWS needs a moment for it."""
    client = aws.client("acm-pca")
    for _look in range(20):
        try:
            given = client.get_certificate(CertificateAuthorityArn=ca, CertificateArn=arn)["Certificate"]
            return x509.load_pem_x509_certificate(given.encode()).public_bytes(Encoding.DER)
        except client.exceptions.RequestInProgressException:
            time.sleep(0.2)
    raise RuntimeError(f"{arn} is never issued")


class PrivateCa:
    """One emulator for the life of a World; its certificates end at a root of its own."""

    def __init__(self, place: Path, manifest: Dict[str, Any]) -> None:
        (place / "aws").mkdir()
        self.aws = Aws(place / "aws").start()
        arn = private_ca(self.aws)
        chain = self.aws.client("acm-pca").get_certificate_authority_certificate(CertificateAuthorityArn=arn)
        (place / "ca" / "root.pem").write_text(chain["CertificateChain"])
        self.proxy = AwsProxy(self.aws, arn, place / "ca" / "issued.jsonl")
        self.before = {name: os.environ.get(name) for name in self.aws.environment}
        os.environ.update({**self.aws.environment, "AWS_ENDPOINT_URL": self.proxy.url})
        manifest["issuers"] = {"internal": {"type": "aws_pca", "certificate_authority_arn": arn}}

    def reset(self) -> None:
        """As on the day after the first rotation."""
        self.proxy.honest()

    def stop(self) -> None:
        """Nothing of it lives on."""
        for name, value in self.before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        self.proxy.close()
        self.aws.stop()

    def wrong(self) -> List[str]:
        """Nobody hammers on AWS; what was issued and is in no record is seen by I4."""
        return [f"F13: AWS was asked {len(self.proxy.asked)} times"] if len(self.proxy.asked) > MOST else []
