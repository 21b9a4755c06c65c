# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Private CA: keys and hashes as configured, templates, validity, idempotency, modes and states of a CA, revocation with a CRL."""

from __future__ import annotations

import base64
import datetime
import json
import time
from typing import Any, Dict, List, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto.acmpca.models import ACMPCABackend, CertificateAuthority
from moto.acmpca.responses import ACMPCAResponse
from moto.core.exceptions import JsonRESTError
from moto.s3.models import s3_backends

from aws_patches import patch

CURVES = {"EC_prime256v1": ec.SECP256R1, "EC_secp384r1": ec.SECP384R1}
EKU = x509.ExtendedKeyUsageOID
USAGES = {
    "EndEntityCertificate": [EKU.SERVER_AUTH, EKU.CLIENT_AUTH],
    "EndEntityServerAuthCertificate": [EKU.SERVER_AUTH],
    "EndEntityClientAuthCertificate": [EKU.CLIENT_AUTH],
}
REASONS = {"SUPERSEDED": x509.ReasonFlags.superseded, "KEY_COMPROMISE": x509.ReasonFlags.key_compromise}
Extensions = List[Tuple[Any, bool]]


@patch
def pca_keys() -> None:
    """The key is of the configured algorithm, and the mode of the CA is the one that was asked for.

    https://docs.aws.amazon.com/privateca/latest/APIReference/API_CreateCertificateAuthority.html
    """
    before = CertificateAuthority.__init__
    created = ACMPCAResponse.create_certificate_authority

    def init(self: Any, *args: Any, **named: Any) -> None:
        before(self, *args, **named)
        kind = self.certificate_authority_configuration.get("KeyAlgorithm", "RSA_2048")
        if kind in CURVES:
            key = ec.generate_private_key(CURVES[kind]())
            sealed = serialization.BestAvailableEncryption(self.password)
            self.private_bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)

    def create_certificate_authority(self: Any) -> str:
        answer = created(self)
        authority = self.acmpca_backend.certificate_authorities[json.loads(answer)["CertificateAuthorityArn"]]
        authority.usage_mode = json.loads(self.body).get("UsageMode") or "GENERAL_PURPOSE"
        return str(answer)

    CertificateAuthority.__init__, ACMPCAResponse.create_certificate_authority = init, create_certificate_authority


@patch
def pca_issue() -> None:
    """Template, validity, signing algorithm and idempotency token count; a CA that is not active issues nothing but its own root.

    https://docs.aws.amazon.com/privateca/latest/APIReference/API_IssueCertificate.html and .../userguide/template-definitions.html
    """

    def issue_certificate(self: Any) -> str:
        asked = json.loads(self.body)
        ca = self.acmpca_backend.describe_certificate_authority(asked["CertificateAuthorityArn"])
        template = asked.get("TemplateArn", "arn:aws:acm-pca:::template/EndEntityCertificate/V1").rpartition("template/")[2].split("/")[0]
        tokens: Dict[str, Tuple[float, str]] = ca.__dict__.setdefault("tokens", {})
        token = tokens.get(asked.get("IdempotencyToken", ""))
        if token and time.time() - token[0] < 300:
            return json.dumps({"CertificateArn": token[1]})
        if ca.status != "ACTIVE" and not (ca.status == "PENDING_CERTIFICATE" and template == "RootCACertificate"):
            raise JsonRESTError("InvalidStateException", f"The certificate authority {ca.arn} is not in the correct state: {ca.status}")
        arn = _issued(ca, asked, template)
        if asked.get("IdempotencyToken"):
            tokens[asked["IdempotencyToken"]] = (time.time(), arn)
        return json.dumps({"CertificateArn": arn})

    ACMPCAResponse.issue_certificate = issue_certificate


def _issued(ca: Any, asked: Dict[str, Any], template: str) -> str:
    csr = x509.load_pem_x509_csr(base64.b64decode(asked["Csr"]))
    start, end = _validity(asked)
    if ca.usage_mode == "SHORT_LIVED_CERTIFICATE" and end - time.time() > 7 * 86400 and "CACertificate" not in template:
        raise JsonRESTError("ValidationException", "The validity is longer than 7 days, the most of a CA in short-lived mode")
    builder = x509.CertificateBuilder(ca.issuer, csr.subject, csr.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(_at(start)).not_valid_after(_at(end))
    for extension, critical in _extensions(ca, csr, template):
        builder = builder.add_extension(extension, critical)
    hashed = getattr(hashes, asked["SigningAlgorithm"].split("WITH")[0])()
    number = base64.b32encode(json.dumps([asked.get("IdempotencyToken"), time.time_ns()]).encode()).decode().strip("=").lower()[-32:]
    arn = f"{ca.arn}/certificate/{number}"
    made = builder.sign(ca.key, hashed).public_bytes(serialization.Encoding.PEM)
    ca.issued_certificates[arn] = made
    above = b"" if template == "RootCACertificate" else ca.certificate_bytes.strip() + b"\n" + base64.b64decode(ca.certificate_chain or b"")
    ca.issued_certificates_certificate_chains[arn] = above
    return arn


def _at(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def _validity(asked: Dict[str, Any]) -> Tuple[float, float]:
    value, kind = asked["Validity"]["Value"], asked["Validity"]["Type"]
    start = (asked.get("ValidityNotBefore") or {}).get("Value") or time.time() - 3600
    return start, value if kind == "ABSOLUTE" else time.time() + value * {"DAYS": 86400, "MONTHS": 30 * 86400, "YEARS": 365 * 86400}[kind]


def _extensions(ca: Any, csr: Any, template: str) -> Extensions:
    authority = "CACertificate" in template
    flags = dict.fromkeys(("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False)
    usage = x509.KeyUsage(digital_signature=True, key_encipherment=not authority, key_cert_sign=authority, crl_sign=authority, **flags)
    length = 0 if "PathLen0" in template else None
    found: Extensions = [(x509.BasicConstraints(authority, length), True)]
    found.append((x509.SubjectKeyIdentifier.from_public_key(csr.public_key()), False))
    found.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), False))
    kind = template.replace("_CSRPassthrough", "")
    if not kind.startswith("Blank"):
        found.append((usage, True))
    if kind in USAGES:
        found.append((x509.ExtendedKeyUsage(USAGES[kind]), False))
    crl = ca.revocation_configuration.get("CrlConfiguration") or {}
    if crl.get("Enabled") and not authority:
        point = x509.UniformResourceIdentifier(f"http://{crl['S3BucketName']}.s3.amazonaws.com/crl/{ca.id}.crl")
        found.append((x509.CRLDistributionPoints([x509.DistributionPoint([point], None, None, None)]), False))
    have = {type(one) for one, _critical in found}
    passed = csr.extensions if "CSRPassthrough" in template else [one for one in csr.extensions if one.oid.dotted_string == "2.5.29.17"]
    return found + [(one.value, one.critical) for one in passed if type(one.value) not in have]


@patch
def pca_fetch() -> None:
    """A certificate is there a moment after it was asked for, also when it is revoked, and one that nobody made is not found.

    https://docs.aws.amazon.com/privateca/latest/APIReference/API_GetCertificate.html
    """

    def get_certificate(self: Any, certificate_authority_arn: str, certificate_arn: str) -> Tuple[bytes, bytes]:
        ca = self.describe_certificate_authority(certificate_authority_arn)
        if certificate_arn not in ca.issued_certificates:
            raise JsonRESTError("ResourceNotFoundException", f"Could not find certificate {certificate_arn}")
        looked: Dict[str, int] = ca.__dict__.setdefault("looked", {})
        looked[certificate_arn] = looked.get(certificate_arn, 0) + 1
        if looked[certificate_arn] == 1:
            raise JsonRESTError("RequestInProgressException", "Certificate has not been issued yet")
        return ca.get_certificate(certificate_arn)

    ACMPCABackend.get_certificate = get_certificate


@patch
def pca_revoke() -> None:
    """Only what the CA issued is revoked, once, and then stands in the CRL in S3, where the CA has one.

    https://docs.aws.amazon.com/privateca/latest/APIReference/API_RevokeCertificate.html and .../userguide/crl-planning.html
    """

    def revoke_certificate(self: Any, certificate_authority_arn: str, certificate_serial: str, revocation_reason: str) -> None:
        ca = self.describe_certificate_authority(certificate_authority_arn)
        number = int(certificate_serial.replace(":", ""), 16)
        if number not in {x509.load_pem_x509_certificate(one).serial_number for one in ca.issued_certificates.values()}:
            raise JsonRESTError("ResourceNotFoundException", f"Could not find certificate with serial {certificate_serial}")
        if number in ca.revoked_certificates:
            raise JsonRESTError("RequestAlreadyProcessedException", "The certificate is revoked already")
        ca.revoked_certificates[number] = (revocation_reason, datetime.datetime.now(datetime.timezone.utc))
        _write_crl(ca)

    ACMPCABackend.revoke_certificate = revoke_certificate


def _write_crl(ca: Any) -> None:
    settings = ca.revocation_configuration.get("CrlConfiguration") or {}
    if not settings.get("Enabled"):
        return
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateRevocationListBuilder(ca.issuer, now, now + datetime.timedelta(days=settings["ExpirationInDays"]))
    for number, (reason, at) in ca.revoked_certificates.items():
        row = x509.RevokedCertificateBuilder(number, at)
        if reason in REASONS:
            row = row.add_extension(x509.CRLReason(REASONS[reason]), False)
        builder = builder.add_revoked_certificate(row.build())
    crl = builder.sign(ca.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    s3_backends[ca.account_id]["aws"].put_object(settings["S3BucketName"], f"crl/{ca.id}.crl", crl)
