# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust stores of load balancers: the anchors that clients' certificates must lead to, and lists of revoked ones."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .. import aws
from ..aws import Clients
from ..contracts import Clock, HeldList, Trusted, TrustStore
from ..errors import BusyError, ClmError, ConfigError
from ..x509 import pem
from ..x509.revocation_list import der_of
from ._aws import BUCKET, Objects, Patience, key_of, patience_of
from ._aws_given import given

NAME = "aws_elbv2_trust_store"
OPTIONS: Dict[str, Any] = {"name": {"type": "str", "required": True}, **BUCKET, **aws.ONE}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "Anchors, and lists by ``revocation_lists``": [
        {
            "Action": [
                "elasticloadbalancing:AddTrustStoreRevocations",
                "elasticloadbalancing:CreateTrustStore",
                "elasticloadbalancing:DescribeTrustStoreRevocations",
                "elasticloadbalancing:DescribeTrustStores",
                "elasticloadbalancing:GetTrustStoreCaCertificatesBundle",
                "elasticloadbalancing:GetTrustStoreRevocationContent",
                "elasticloadbalancing:ModifyTrustStore",
                "elasticloadbalancing:RemoveTrustStoreRevocations",
            ],
            "Resource": "*",
        },
        {"Action": ["s3:GetBucketVersioning", "s3:ListBucket"], "Resource": "arn:aws:s3:::example-trust"},
        {"Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], "Resource": "arn:aws:s3:::example-trust/*"},
    ],
    "To take it away with ``state: absent``": [
        {
            "Action": [
                "elasticloadbalancing:DeleteTrustStore",
                "elasticloadbalancing:DescribeTrustStoreAssociations",
                "elasticloadbalancing:DescribeTrustStores",
                "elasticloadbalancing:GetTrustStoreCaCertificatesBundle",
            ],
            "Resource": "*",
        },
        {"Action": ["s3:GetBucketVersioning", "s3:ListBucket"], "Resource": "arn:aws:s3:::example-trust"},
        {"Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::example-trust/*"},
    ],
}
NAMED = re.compile(r"\A(?=.{1,32}\Z)([a-zA-Z0-9]+-)*[a-zA-Z0-9]+\Z")
ACTIVE = "ACTIVE"
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html: RSA of 2 to 8 thousand bits
KEY_TYPES = ("rsa-2048", "rsa-3072", "rsa-4096", "rsa-6144", "rsa-8192", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521")


def create(options: Mapping[str, Any], clock: Clock) -> TrustStore:
    """The trust store of that name; nothing is asked before it is used. ConfigError when an option is wrong."""
    name = str(options["name"])
    if not NAMED.match(name):
        hint = "1 to 32 letters and digits, with single hyphens between them"
        raise ConfigError(f"{name[:80]!r} is no name of a trust store", hint=hint, field="name")
    clients = Clients(options)
    objects = Objects(clients, str(options["bucket"]), key_of(options, name))
    return ElbTrustStore(name, clients, objects, patience_of(options, clock))


class ElbTrustStore:
    """TrustStore, RevocationLists and Removable. Its `ref` is the ARN."""

    key_types: Tuple[str, ...] = KEY_TYPES

    def __init__(self, name: str, clients: Clients, objects: Objects, patience: Patience) -> None:
        self._name, self._clients, self._objects, self._patience = name, clients, objects, patience

    def identity(self) -> str:
        """The name."""
        return self._name

    @property
    def _elb(self) -> Any:
        return self._clients.get("elbv2")

    # --- anchors ---

    def _described(self) -> Optional[Mapping[str, Any]]:
        try:
            return next(iter(aws.pages(self._elb, "describe_trust_stores", "TrustStores", Names=[self._name])), None)
        except ClmError as error:
            if aws.code_of(error) == "TrustStoreNotFound":
                return None
            raise

    def read(self) -> Optional[Trusted]:
        """The anchors as the load balancers have them: AWS gives its own copy, whatever is in the bucket by now."""
        self._objects.look()
        found = self._described()
        if found is None:
            return None
        arn = str(found["TrustStoreArn"])
        with aws.told(f"elasticloadbalancing GetTrustStoreCaCertificatesBundle {self._name}"):
            url = str(self._elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"])
        text = given(url, f"the bundle of {self._name}").decode("utf-8", "replace")
        doubt = "" if found.get("Status") == ACTIVE else f"it is {str(found.get('Status'))[:80]} and not yet in force"
        return Trusted(text, arn, doubt)

    def write(self, bundle_pem: str, before: Optional[Trusted]) -> None:
        """Put the bundle into the bucket, then have it taken from there by its version."""
        version = self._objects.put(bundle_pem)
        place = {"CaCertificatesBundleS3Bucket": self._objects.bucket, "CaCertificatesBundleS3Key": self._objects.key}
        place["CaCertificatesBundleS3ObjectVersion"] = version
        if before is None:
            self._create(place)
        else:
            with aws.told(f"elasticloadbalancing ModifyTrustStore {self._name}"):
                self._elb.modify_trust_store(TrustStoreArn=before.ref, **place)
        self._patience.until(lambda: (self._described() or {}).get("Status") == ACTIVE, f"the trust store {self._name}")

    def _create(self, place: Mapping[str, str]) -> None:
        try:
            with aws.told(f"elasticloadbalancing CreateTrustStore {self._name}"):
                self._elb.create_trust_store(Name=self._name, **place)
        except ClmError as error:
            if aws.code_of(error) != "DuplicateTrustStoreName":
                raise
            raise BusyError(f"somebody else has made the trust store {self._name} meanwhile", hint="run again") from error

    def users(self, trusted: Trusted) -> Sequence[str]:
        """The ARNs of the listeners that verify by it."""
        rows = aws.pages(self._elb, "describe_trust_store_associations", "TrustStoreAssociations", TrustStoreArn=trusted.ref)
        return [str(row["ResourceArn"]) for row in rows]

    def remove(self, trusted: Trusted) -> None:
        """Delete it; the versions of its bundle stay in the bucket."""
        with aws.told(f"elasticloadbalancing DeleteTrustStore {self._name}"):
            self._elb.delete_trust_store(TrustStoreArn=trusted.ref)

    # --- revocation lists ---

    def lists(self, trusted: Trusted) -> List[HeldList]:
        """Each as AWS gives it back."""
        rows = list(aws.pages(self._elb, "describe_trust_store_revocations", "TrustStoreRevocations", TrustStoreArn=trusted.ref))
        return [self._held(trusted, int(row["RevocationId"])) for row in rows]

    def _held(self, trusted: Trusted, number: int) -> HeldList:
        with aws.told(f"elasticloadbalancing GetTrustStoreRevocationContent {self._name}"):
            url = str(self._elb.get_trust_store_revocation_content(TrustStoreArn=trusted.ref, RevocationId=number)["Location"])
        data = given(url, f"the revocation list {number} of {self._name}")
        return HeldList(str(number), der_of(data))

    def add_list(self, trusted: Trusted, list_pem: str) -> None:
        """Put it beside the bundle, then have it taken from there."""
        key = f"{self._objects.key}.{pem.sha256(list_pem.encode())[:16]}.crl"
        version = self._objects.put_beside(list_pem, key)
        content = {"S3Bucket": self._objects.bucket, "S3Key": key, "S3ObjectVersion": version, "RevocationType": "CRL"}
        with aws.told(f"elasticloadbalancing AddTrustStoreRevocations {self._name}"):
            self._elb.add_trust_store_revocations(TrustStoreArn=trusted.ref, RevocationContents=[content])

    def remove_lists(self, trusted: Trusted, refs: List[str]) -> None:
        """In one call."""
        with aws.told(f"elasticloadbalancing RemoveTrustStoreRevocations {self._name}"):
            self._elb.remove_trust_store_revocations(TrustStoreArn=trusted.ref, RevocationIds=[int(one) for one in refs])
