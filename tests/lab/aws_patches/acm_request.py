# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACM: public certificates that are asked for, validated by DNS, issued by a CA of the lab, and renewed in place.

`CLM_LAB_ACM_CA` names a PEM file with the certificate and the key of the CA that signs, as tests/lab/aws.py writes it.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
from typing import Any, Dict, List, Optional, Set, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.acm.exceptions import AWSValidationException
from moto.acm.models import CertBundle, acm_backends
from moto.acm.responses import AWSCertificateManagerResponse
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.route53.models import route53_backends

from aws_patches import patch
from aws_patches.acm import users_of

DAYS, QUOTA = 198, 10
WAIT, SLOW = 0.2, 3.0  # seconds until ACM looks into the DNS, for names below slow.* too: with AWS it is minutes
CURVES = {"EC_prime256v1": ec.SECP256R1, "EC_secp384r1": ec.SECP384R1}
ALLOWED = ("amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com")
PENDING_HAS = ("CertificateArn", "DomainName", "SubjectAlternativeNames", "Status", "Type", "KeyAlgorithm", "InUseBy", "Options",
               "CreatedAt", "DomainValidationOptions", "FailureReason", "RenewalEligibility", "KeyUsages", "ExtendedKeyUsages")  # fmt: skip
Made = Tuple[bytes, bytes, bytes]  # certificate, key and chain


class RequestInProgressError(AWSError):
    """As AWS calls it."""

    TYPE = "RequestInProgressException"


def make(names: List[str], algorithm: str, begins: datetime.datetime) -> Made:
    """A new key and its certificate."""
    with open(os.environ["CLM_LAB_ACM_CA"], "rb") as file:
        kept = file.read()
    ca, signer = x509.load_pem_x509_certificate(kept), serialization.load_pem_private_key(kept, None)
    key: Any = ec.generate_private_key(CURVES[algorithm]()) if algorithm in CURVES else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca.subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins)
    builder = builder.not_valid_after(begins + datetime.timedelta(days=DAYS) - datetime.timedelta(seconds=1))
    for extension, critical in (
        (x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False),
        (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),  # type: ignore[arg-type]
    ):
        builder = builder.add_extension(extension, critical)
    leaf = builder.sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return leaf.public_bytes(serialization.Encoding.PEM), key.private_bytes(*form), ca.public_bytes(serialization.Encoding.PEM)


def put(made: Made, account: str, region: str, arn: Optional[str] = None) -> Any:
    """The bundle of a certificate, in the emulator's hands."""
    found = CertBundle(account, made[0], made[1], region=region, arn=arn, cert_type="AMAZON_ISSUED", cert_status="PENDING_VALIDATION")
    found.chain = made[2]
    return found


def record_of(name: str, account: str) -> Dict[str, str]:
    """The CNAME of a name, which it shares with its wildcard, and which each account has one of."""
    base = name[2:] if name.startswith("*.") else name
    mark = hashlib.md5(f"{account} {base}".encode()).hexdigest()
    return {"Name": f"_{mark}.{base}.", "Type": "CNAME", "Value": f"_{mark[::-1]}.jkddzztszm.acm-validations.aws."}


def public_records() -> Dict[Tuple[str, str], Set[str]]:
    """By name and type, what is in all public hosted zones."""
    found: Dict[Tuple[str, str], Set[str]] = {}
    for backends in list(route53_backends.values()):
        for zone in backends["aws"].zones.values():
            for row in zone.rrsets if not zone.private_zone else ():
                values = [str(one["Value"] if isinstance(one, dict) else one) for one in row.records or ()]
                found.setdefault((row.name.rstrip("."), row.type), set()).update(one.rstrip(".") for one in values)
    return found


def is_denied(name: str, records: Dict[Tuple[str, str], Set[str]]) -> bool:
    """Whether the nearest CAA records of a name let nobody of Amazon issue."""
    labels = name.replace("*.", "").split(".")
    for start in range(len(labels)):
        values = records.get((".".join(labels[start:]), "CAA"))
        if values:
            return not any(f'"{one}"' in value for value in values for one in ALLOWED)
    return False


@patch
def acm_request() -> None:
    """The token is of 1 to 32 word characters, known for an hour; the key is of the algorithm asked for; ten names at most.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html and .../userguide/acm-limits.html
    """
    stock = AWSCertificateManagerResponse.request_certificate

    def request_certificate(self: Any) -> ActionResult:
        if self._get_param("CertificateAuthorityArn") or self._get_param("ValidationMethod") != "DNS":
            return stock(self)
        token, domain = self._get_param("IdempotencyToken"), self._get_param("DomainName")
        if token is not None and not re.fullmatch(r"\w{1,32}", token):
            raise AWSValidationException("Value at 'idempotencyToken' failed to satisfy constraint: pattern \\w+, at most 32")
        names = list(dict.fromkeys([domain, *(self._get_param("SubjectAlternativeNames") or [])]))
        if len(names) > QUOTA:
            raise AWSError("the number of names is over the quota", exception_type="LimitExceededException")
        backend = self.acm_backend
        arn = backend._get_arn_from_idempotency_token(token) if token else None
        if not arn or arn not in backend._certificates:
            algorithm = self._get_param("KeyAlgorithm") or "RSA_2048"
            bundle = put(make(names, algorithm, utcnow() - datetime.timedelta(hours=1)), self.current_account, self.region)
            bundle.asked, bundle.looks, bundle.failed, bundle.renewal = names, 0, "", {}
            backend._certificates[bundle.arn] = bundle
            bundle.tags.add(self._get_param("Tags") or [])
            arn = bundle.arn
            if token:
                backend._set_idempotency_token_arn(token, arn)
        return ActionResult(result={"CertificateArn": arn})

    AWSCertificateManagerResponse.request_certificate = request_certificate


@patch
def acm_validation() -> None:
    """Issued once every CNAME is in the DNS, and not before; failed where CAA records forbid it.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html and .../troubleshooting-caa.html
    """
    stock = CertBundle.check

    def check(self: Any) -> None:
        names = getattr(self, "asked", None)
        if names is None or self.status != "PENDING_VALIDATION":
            stock(self)
            return
        if (utcnow() - self.created_at).total_seconds() <= (SLOW if names[0].startswith("slow.") else WAIT):
            return
        records, account = public_records(), self.arn.split(":")[4]
        if any(is_denied(name, records) for name in names):
            self.status, self.failed = "FAILED", "CAA_ERROR"
        elif all(is_there(record_of(name, account), records) for name in names):
            self.status = "ISSUED"

    CertBundle.check = check


def is_there(record: Dict[str, str], records: Dict[Tuple[str, str], Set[str]]) -> bool:
    """Whether the CNAME is in the DNS."""
    return record["Value"].rstrip(".") in records.get((record["Name"].rstrip("."), "CNAME"), ())


@patch
def acm_detail() -> None:
    """Which CNAME each name needs is told a moment after the request; what is in use is eligible for renewal; serials are hex.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html, API_DomainValidation.html and
    .../userguide/managed-renewal.html
    """
    stock = CertBundle.describe

    def describe(self: Any) -> Dict[str, Any]:
        answer = stock(self)
        names, detail = getattr(self, "asked", None), answer["Certificate"]
        if names is None:
            return answer
        self.looks += 1
        records, (_arn, _aws, _acm, region, account, _id) = public_records(), self.arn.split(":")
        digits = f"{self._cert.serial_number:x}"
        digits = digits.zfill(len(digits) + len(digits) % 2)
        options = [_option(name, self, records, account) for name in names]
        used = self.status == "ISSUED" and bool(users_of(self.arn, account, region))
        detail.update(
            SubjectAlternativeNames=names,
            DomainValidationOptions=options,
            Serial=":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
            RenewalEligibility="ELIGIBLE" if used else "INELIGIBLE",
            **({"RenewalSummary": {"DomainValidationOptions": options, **self.renewal}} if self.renewal else {}),
            **({"FailureReason": self.failed} if self.failed else {}),
        )
        if self.status != "ISSUED":
            answer["Certificate"] = {key: value for key, value in detail.items() if key in PENDING_HAS}
        return answer

    CertBundle.describe = describe


def _option(name: str, bundle: Any, records: Any, account: str) -> Dict[str, Any]:
    record = record_of(name, account)
    done = bundle.status == "ISSUED" or is_there(record, records)
    status = "FAILED" if bundle.status == "FAILED" else "SUCCESS" if done else "PENDING_VALIDATION"
    more = {"ResourceRecord": record} if bundle.looks > 1 else {}
    return {"DomainName": name, "ValidationStatus": status, "ValidationMethod": "DNS", **more}


@patch
def acm_get_pending() -> None:
    """What is not issued yet cannot be fetched.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_GetCertificate.html
    """
    stock = AWSCertificateManagerResponse.get_certificate

    def get_certificate(self: Any) -> ActionResult:
        bundle = self.acm_backend.get_certificate(self._get_param("CertificateArn"))
        if bundle.status in ("PENDING_VALIDATION", "FAILED"):
            raise RequestInProgressError(f"The certificate {bundle.arn} is not issued")
        return stock(self)

    AWSCertificateManagerResponse.get_certificate = get_certificate


def renew(order: Dict[str, str]) -> None:
    """ACM's managed renewal: a new key and certificate under the ARN, or with `status` what ACM says of one that did not come to that."""
    _arn, _aws, _acm, region, account, _id = order["arn"].split(":")
    backend = acm_backends[account][region]
    old = backend._certificates[order["arn"]]
    now = utcnow()
    if order.get("status"):
        old.renewal = {"RenewalStatus": order["status"], "UpdatedAt": now.timestamp()}
        return
    names, algorithm = old.asked, old.describe()["Certificate"]["KeyAlgorithm"]
    new = put(make(names, algorithm, now), account, region, order["arn"])
    new.asked, new.looks, new.failed, new.status, new.tags = names, 2, "", "ISSUED", old.tags
    new.renewal = {"RenewalStatus": "SUCCESS", "UpdatedAt": now.timestamp()}
    backend._certificates[order["arn"]] = new
