# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAs of AWS Private CA in the lab's emulator: a root, and one below it that issues.

    ca = private_ca(aws)                      # its ARN
    private_ca(aws, mode="SHORT_LIVED_CERTIFICATE", key="RSA_2048", crl_bucket="crls")
"""

from __future__ import annotations

from typing import Any, Dict

from .aws import REGION, Aws

TEMPLATE = "arn:aws:acm-pca:::template/"
SIGNING = {"EC_prime256v1": "SHA256WITHECDSA", "RSA_2048": "SHA256WITHRSA"}


def private_ca(aws: Aws, *, mode: str = "GENERAL_PURPOSE", key: str = "EC_prime256v1", crl_bucket: str = "", active: bool = True) -> str:
    """The ARN of a CA below a root of its own."""
    client = aws.client("acm-pca")
    root = _made(client, "ROOT", key, "GENERAL_PURPOSE", {})
    crl: Dict[str, Any] = {}
    if crl_bucket:
        aws.client("s3").create_bucket(Bucket=crl_bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        crl = {"CrlConfiguration": {"Enabled": True, "ExpirationInDays": 7, "S3BucketName": crl_bucket}}
    issuing = _made(client, "SUBORDINATE", key, mode, crl)
    root_pem = _signed(client, root, root, "RootCACertificate/V1", key, 3650)
    client.import_certificate_authority_certificate(CertificateAuthorityArn=root, Certificate=root_pem)
    if active:
        own = _signed(client, root, issuing, "SubordinateCACertificate_PathLen0/V1", key, 1825)
        client.import_certificate_authority_certificate(CertificateAuthorityArn=issuing, Certificate=own, CertificateChain=root_pem)
    return issuing


def _made(client: Any, kind: str, key: str, mode: str, revocation: Dict[str, Any]) -> str:
    subject = {"CommonName": f"lab {kind.lower()}", "Organization": "Lab"}
    configuration = {"KeyAlgorithm": key, "SigningAlgorithm": SIGNING[key], "Subject": subject}
    more = {"RevocationConfiguration": revocation} if revocation else {}
    asked = {"CertificateAuthorityConfiguration": configuration, "CertificateAuthorityType": kind, "UsageMode": mode, **more}
    return str(client.create_certificate_authority(**asked)["CertificateAuthorityArn"])


def _signed(client: Any, signer: str, ca: str, template: str, key: str, days: int) -> bytes:
    csr = client.get_certificate_authority_csr(CertificateAuthorityArn=ca)["Csr"].encode()
    validity = {"Type": "DAYS", "Value": days}
    asked = {"CertificateAuthorityArn": signer, "Csr": csr, "SigningAlgorithm": SIGNING[key], "Validity": validity}
    arn = client.issue_certificate(TemplateArn=TEMPLATE + template, **asked)["CertificateArn"]
    for _look in range(3):
        try:
            return bytes(client.get_certificate(CertificateAuthorityArn=signer, CertificateArn=arn)["Certificate"].encode())
        except client.exceptions.RequestInProgressException:
            continue
    raise RuntimeError(f"{arn} is never issued")


def keys_in_aws(aws: Aws) -> Dict[str, bytes]:
    """Every private key that the store aws_secrets_manager has in the emulator, by the name of its secret."""
    client = aws.client("secretsmanager")
    rows = [row for page in client.get_paginator("list_secrets").paginate() for row in page["SecretList"]]
    values = {row["Name"]: client.get_secret_value(SecretId=row["Name"]).get("SecretString", "") for row in rows}
    return {name: value.encode() for name, value in values.items() if "PRIVATE KEY" in value}
