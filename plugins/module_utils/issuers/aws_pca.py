# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Private CA: a CSR goes in with a template and a validity, and the certificate is fetched by its ARN.

`begin` has it issued and says to go on at once, so the flow has the ARN durably before anybody waits. The request's id is the idempotency
token: AWS answers with the same ARN when it is asked again within five minutes. A run that was killed between the answer and its record,
and is resumed later than that, has a second certificate issued, and the first one is nobody's.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

from .. import aws
from ..contracts import Answer, Clock, Issued, IssueRequest, Pending
from ..errors import ClmError, ConfigError, known
from ..identifiers import digest
from ..x509 import pem
from ..x509.certificate import Certificate
from ..x509.chain import Chain
from ..x509.request import parse as parse_request

NAME = "aws_pca"
OPTIONS: Dict[str, Any] = {
    "certificate_authority_arn": {"type": "str", "required": True},
    **aws.ACCESS,
    "template": {"type": "str"},
    "signing_algorithm": {"type": "str"},
    "issue_timeout": {"type": "int", "default": 60},
    "concurrency": {"type": "int", "default": 8},
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "To issue": [
        {
            "Action": [
                "acm-pca:DescribeCertificateAuthority",
                "acm-pca:GetCertificate",
                "acm-pca:GetCertificateAuthorityCertificate",
                "acm-pca:IssueCertificate",
            ],
            "Resource": "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/11111111-2222-3333-4444-555555555555",
        }
    ],
    "To revoke": [
        {
            "Action": ["acm-pca:RevokeCertificate"],
            "Resource": "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/11111111-2222-3333-4444-555555555555",
        }
    ],
}
REASONS: Mapping[str, str] = {
    "unspecified": "UNSPECIFIED",
    "key_compromise": "KEY_COMPROMISE",
    "affiliation_changed": "AFFILIATION_CHANGED",
    "superseded": "SUPERSEDED",
    "cessation_of_operation": "CESSATION_OF_OPERATION",
    "privilege_withdrawn": "PRIVILEGE_WITHDRAWN",
}
TEMPLATES = {  # by whether server and client authentication are asked for
    (True, False): "EndEntityServerAuthCertificate/V1",
    (False, True): "EndEntityClientAuthCertificate/V1",
}
BOTH = "EndEntityCertificate/V1"
SHORT_LIVED, LONGEST = "SHORT_LIVED_CERTIFICATE", 7 * 86400
LOOK_AGAIN, LATER = 1.0, 60
T = TypeVar("T")


def create(options: Mapping[str, Any], clock: Clock) -> AwsPca:
    """The CA of that ARN; nothing is asked before it is used. ConfigError when an option is wrong."""
    given: Dict[str, Any] = {name: spec.get("default") if options.get(name) is None else options[name] for name, spec in OPTIONS.items()}
    parts = str(given["certificate_authority_arn"]).split(":")
    if len(parts) != 6 or parts[2] != "acm-pca" or not parts[3] or not parts[5].startswith("certificate-authority/"):
        raise ConfigError("it is no ARN of a private CA", field="issuer.certificate_authority_arn")
    for name in ("issue_timeout", "concurrency"):
        if int(given[name]) < 1:
            raise ConfigError("must be at least 1", field=f"issuer.{name}")
    return AwsPca(given, clock)


class AwsPca:
    """Issuer, BatchIssuer, BatchResumer, Anchored and Revoker."""

    def __init__(self, options: Mapping[str, Any], clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self._options, self._clock, self._sleep = options, clock, sleep
        self._arn = str(options["certificate_authority_arn"])
        self._partition, self._region = self._arn.split(":")[1], self._arn.split(":")[3]
        self._client: Any = None
        self._ca: Optional[Mapping[str, Any]] = None

    def identity(self) -> str:
        """The CA's ARN."""
        return f"{NAME}:{self._arn}"

    def anchors_pem(self) -> str:
        """The root that the CA's own certificate leads to."""
        with aws.told("acm-pca GetCertificateAuthorityCertificate"):
            answer = self._sdk().get_certificate_authority_certificate(CertificateAuthorityArn=self._arn)
        return Certificate.parse(pem.split(str(answer.get("CertificateChain") or answer["Certificate"]))[-1].der).pem

    def begin(self, request: IssueRequest) -> Answer:
        """Have it issued; to be gone on with at once."""
        return _one(self.begin_many([request]))

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        """Fetch what was issued under that ARN; Pending while AWS still works on it."""
        return _one(self.resume_many([(ref, request)]))

    def begin_many(self, requests: Sequence[IssueRequest]) -> List[Union[Answer, ClmError]]:
        """An ARN for each, side by side."""
        authority = self._authority()
        return self._each(lambda request: self._issue(request, authority), requests)

    def resume_many(self, refs: Sequence[Tuple[str, IssueRequest]]) -> List[Union[Answer, ClmError]]:
        """The certificate of each, side by side."""
        self._sdk()
        return self._each(lambda one: self._fetch(*one), refs)

    def revoke(self, certificate_pem: str, reason: str) -> None:
        """Revoke by the serial; doing it again is no error."""
        if reason not in REASONS:
            raise ConfigError(f"unknown revocation reason {reason!r}", hint="one of " + ", ".join(REASONS), field="reason")
        digits = Certificate.parse(pem.split(certificate_pem)[0].der).serial.replace(":", "").lower()
        digits = digits.zfill(len(digits) + len(digits) % 2)
        serial = ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))
        try:
            with aws.told("acm-pca RevokeCertificate"):
                asked = {"CertificateAuthorityArn": self._arn, "CertificateSerial": serial, "RevocationReason": REASONS[reason]}
                self._sdk().revoke_certificate(**asked)
        except ClmError as error:
            if aws.code_of(error) == "ResourceNotFoundException":
                raise ConfigError("the certificate was not issued by this CA", hint="ask the CA that its issuer field names") from error
            if aws.code_of(error) != "RequestAlreadyProcessedException":
                raise

    def _issue(self, request: IssueRequest, authority: Mapping[str, Any]) -> Answer:
        csr = parse_request(request.csr_pem)
        if not csr.names or set(csr.names) != set(request.names):
            raise ConfigError("the names in the CSR are not the ones that are asked for", field="csr")
        if authority.get("UsageMode") == SHORT_LIVED and request.lifetime > LONGEST:
            text = f"the private CA issues for 7 days at most, and the profile asks for {request.lifetime // 86400}"
            raise ConfigError(text, hint="give the profile a lifetime of 7d or less", field="lifetime")
        now = self._clock()
        end, start = now + timedelta(seconds=request.lifetime - 1), now - timedelta(seconds=request.backdate)
        configuration = authority["CertificateAuthorityConfiguration"]
        with aws.told("acm-pca IssueCertificate"):
            answer = self._sdk().issue_certificate(
                CertificateAuthorityArn=self._arn,
                Csr=request.csr_pem.encode("ascii"),
                SigningAlgorithm=self._options.get("signing_algorithm") or configuration["SigningAlgorithm"],
                TemplateArn=self._template(request.usages),
                Validity={"Type": "ABSOLUTE", "Value": int(end.timestamp())},
                ValidityNotBefore={"Type": "ABSOLUTE", "Value": int(start.timestamp())},
                IdempotencyToken=digest(request.request_id, 32),
            )
        return Pending(str(answer["CertificateArn"]), go_on=True)

    def _template(self, usages: Sequence[str]) -> str:
        """The ARN of the template that was asked for, else of the one that gives these usages and no more."""
        name = str(self._options.get("template") or TEMPLATES.get(("server_auth" in usages, "client_auth" in usages), BOTH))
        return name if name.startswith("arn:") else f"arn:{self._partition}:acm-pca:::template/{name}"

    def _fetch(self, ref: str, request: IssueRequest) -> Answer:
        if not ref.startswith(f"{self._arn}/certificate/"):
            raise ConfigError(f"{ref[:120]!r} is no certificate of this CA", field="ref")
        waited = 0.0
        while True:
            try:
                with aws.told("acm-pca GetCertificate"):
                    answer = self._sdk().get_certificate(CertificateAuthorityArn=self._arn, CertificateArn=ref)
                return Issued(_chain(answer, request))
            except ClmError as error:
                if aws.code_of(error) != "RequestInProgressException":
                    raise
            if waited >= self._options["issue_timeout"]:
                who = "AWS Private CA, which has not issued it yet"
                return Pending(ref, check_after=self._clock() + timedelta(seconds=LATER), who_must_act=who)
            self._sleep(LOOK_AGAIN)
            waited += LOOK_AGAIN

    def _authority(self) -> Mapping[str, Any]:
        """What AWS says of the CA, asked once; ConfigError while it cannot issue."""
        if self._ca is None:
            with aws.told("acm-pca DescribeCertificateAuthority"):
                self._ca = self._sdk().describe_certificate_authority(CertificateAuthorityArn=self._arn)["CertificateAuthority"]
        found: Mapping[str, Any] = known(self._ca, "the CA")
        if found["Status"] != "ACTIVE":
            raise ConfigError(f"the private CA is {found['Status']}, and issues nothing", field="issuer.certificate_authority_arn")
        return found

    def _sdk(self) -> Any:
        if self._client is None:
            account, region = aws.account({**self._options, "region": self._region})
            self._client = account.client("acm-pca", region)
        return self._client

    def _each(self, act: Callable[[T], Answer], items: Sequence[T]) -> List[Union[Answer, ClmError]]:
        def tried(item: T) -> Union[Answer, ClmError]:
            try:
                return act(item)
            except ClmError as error:
                return error

        with ThreadPoolExecutor(max(1, min(int(self._options["concurrency"]), len(items))), "clm-pca") as pool:
            return list(pool.map(tried, items))


def _one(answers: Sequence[Union[Answer, ClmError]]) -> Answer:
    (answer,) = answers
    if isinstance(answer, ClmError):
        raise answer
    return answer


def _chain(answer: Mapping[str, Any], request: IssueRequest) -> str:
    """Leaf and intermediates in order, without the root; ConfigError when it was issued for another request's key."""
    blocks = pem.split(f"{answer['Certificate']}\n{answer.get('CertificateChain') or ''}\n")
    found = [Certificate.parse(block.der) for block in blocks]
    chain = Chain.parse([found[0].der, *(one.der for one in found[1:] if not one.self_issued)])
    if chain.leaf.spki_sha256 != parse_request(request.csr_pem).spki_sha256:
        raise ConfigError(f"{request.request_id} was used before, for another key", field="request_id")
    return chain.pem
