# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust stores of CloudFront, by which distributions verify the certificates of viewers.

CloudFront takes a bundle out of S3 once and never gives it back, only a version of the trust store (its ETag). So a record beside the
bundle says which version of the bundle made which ETag, and where it does not fit, nobody can tell what is in force.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from .. import aws
from ..aws import Clients
from ..contracts import Clock, Trusted, TrustStore
from ..errors import BusyError, ClmError, MissingLibraryError
from ..x509 import pem
from ._aws import BUCKET, Objects, Patience, key_of, patience_of

NAME = "aws_cloudfront_trust_store"
OPTIONS: Dict[str, Any] = {"name": {"type": "str", "required": True}, **BUCKET, **aws.ONE}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "Trust stores of CloudFront": [
        {
            "Action": [
                "cloudfront:CreateTrustStore",
                "cloudfront:GetTrustStore",
                "cloudfront:ListTrustStores",
                "cloudfront:UpdateTrustStore",
            ],
            "Resource": "*",
        },
        {"Action": ["s3:GetBucketVersioning", "s3:ListBucket"], "Resource": "arn:aws:s3:::example-trust"},
        {"Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], "Resource": "arn:aws:s3:::example-trust/*"},
    ],
    "To take it away with ``state: absent``": [
        {
            "Action": [
                "cloudfront:DeleteTrustStore",
                "cloudfront:GetTrustStore",
                "cloudfront:ListDistributionsByTrustStore",
                "cloudfront:ListTrustStores",
            ],
            "Resource": "*",
        },
        {"Action": ["s3:GetBucketVersioning", "s3:ListBucket"], "Resource": "arn:aws:s3:::example-trust"},
        {"Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "arn:aws:s3:::example-trust/*"},
    ],
}
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/trust-stores-certificate-management.html
KEY_TYPES: Tuple[str, ...] = ("rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384")
REGION = "us-east-1"  # of CloudFront's endpoint
ACTIVE, ENDED = "active", "failed"
CHANGED = ("PreconditionFailed", "InvalidIfMatchVersion", "EntityAlreadyExists")


def create(options: Mapping[str, Any], clock: Clock) -> TrustStore:
    """The trust store of that name; nothing is asked before it is used. ConfigError when an option is wrong."""
    name, clients = str(options["name"]), Clients(options, REGION)
    objects = Objects(clients, str(options["bucket"]), key_of(options, f"cloudfront/{name}"))
    return CloudFrontTrustStore(name, clients, objects, patience_of(options, clock))


class CloudFrontTrustStore:
    """TrustStore and Removable. Its `ref` is the id and the ETag."""

    key_types = KEY_TYPES

    def __init__(self, name: str, clients: Clients, objects: Objects, patience: Patience) -> None:
        self._name, self._clients, self._objects, self._patience = name, clients, objects, patience

    def identity(self) -> str:
        """The name."""
        return self._name

    @property
    def _client(self) -> Any:
        client = self._clients.get("cloudfront", REGION)
        if not hasattr(client, "create_trust_store"):
            raise MissingLibraryError("this boto3 knows no trust stores of CloudFront", hint="pip install 'boto3>=1.41.3'")
        return client

    # --- reading ---

    def _described(self) -> Optional[Tuple[Mapping[str, Any], str]]:
        """The trust store and its ETag."""
        rows = aws.pages(self._client, "list_trust_stores", "TrustStoreList")
        found = next((one for one in rows if one["Name"] == self._name), None)
        if found is None:
            return None
        with aws.told(f"cloudfront GetTrustStore {self._name}"):
            answer = self._client.get_trust_store(Identifier=found["Id"])
        return answer["TrustStore"], str(answer["ETag"])

    def read(self) -> Optional[Trusted]:
        """The bundle that the record says was taken, as long as the trust store has not changed since."""
        self._objects.look()
        described = self._described()
        if described is None:
            return None
        store, etag = described
        text, doubt = self._recorded(store, etag)
        if store.get("Status") != ACTIVE:
            reason = " ".join(str(store.get("Reason") or "").split())[:300]
            doubt = f"it is {str(store.get('Status'))[:40]} {reason}".strip()
        return Trusted(text, f"{store['Id']} {etag}", doubt)

    def _recorded(self, store: Mapping[str, Any], etag: str) -> Tuple[str, str]:
        """The bundle in force, or why nobody can tell."""
        try:
            record = json.loads(self._objects.get(self._objects.bucket, self._record) or "{}")
            fits = record.get("id") == store["Id"] and record.get("etag") == etag
        except (ValueError, AttributeError):
            fits = False
        if not fits:
            return "", "somebody else wrote it, and CloudFront never gives a bundle back"
        text = self._objects.get(self._objects.bucket, self._objects.key, str(record.get("version"))) or ""
        count = text.count("-----BEGIN CERTIFICATE-----")
        if not count or count != store.get("NumberOfCaCertificates") or pem.sha256(text.encode()) != record.get("sha256"):
            return "", "the bundle that it was given is not in the bucket any more"
        return text, ""

    @property
    def _record(self) -> str:
        return f"{self._objects.key}.json"

    def users(self, trusted: Trusted) -> Sequence[str]:
        """The ids of the distributions that verify by it."""
        number = trusted.ref.partition(" ")[0]
        rows = aws.pages(self._client, "list_distributions_by_trust_store", "DistributionList.Items", TrustStoreIdentifier=number)
        return [str(row["Id"]) for row in rows]

    # --- writing ---

    def remove(self, trusted: Trusted) -> None:
        """Delete it against the ETag that was read; the versions of its bundle stay in the bucket."""
        number, _space, etag = trusted.ref.partition(" ")
        with aws.told(f"cloudfront DeleteTrustStore {self._name}"):
            self._client.delete_trust_store(Id=number, IfMatch=etag)

    def write(self, bundle_pem: str, before: Optional[Trusted]) -> None:
        """Put the bundle into the bucket, have just that version taken, and record which ETag that gave."""
        version = self._objects.put(bundle_pem)
        place = {"Bucket": self._objects.bucket, "Key": self._objects.key, "Region": self._clients.region, "Version": version}
        number, etag = self._send({"CaCertificatesBundleS3Location": place}, before)
        record = {"id": number, "etag": etag, "version": version, "sha256": pem.sha256(bundle_pem.encode())}
        self._note(record)
        self._patience.until(self._is_active, f"the trust store {self._name}")
        described = self._described()
        if described is not None and described[1] != etag:  # that it is active is a change too
            self._note({**record, "etag": described[1]})

    def _note(self, record: Mapping[str, str]) -> None:
        try:
            self._objects.put_beside(json.dumps(record), self._record)
        except ClmError as error:
            hint = "mend that, then run again with state present and replace_unknown: true, for without its record its content is unknown"
            raise ClmError(f"CloudFront has taken the bundle for {self._name}, and {error.message}", hint=hint) from error

    def _send(self, source: Mapping[str, Any], before: Optional[Trusted]) -> Tuple[str, str]:
        """The id and the new ETag; BusyError when it is not what it was when it was read."""
        number, _space, etag = (before.ref if before else "").partition(" ")
        try:
            if before is None:
                with aws.told(f"cloudfront CreateTrustStore {self._name}"):
                    answer = self._client.create_trust_store(Name=self._name, CaCertificatesBundleSource=source)
            else:
                with aws.told(f"cloudfront UpdateTrustStore {self._name}"):
                    answer = self._client.update_trust_store(Id=number, IfMatch=etag, CaCertificatesBundleSource=source)
        except ClmError as error:
            if aws.code_of(error) not in CHANGED:
                raise
            raise BusyError(f"somebody else changed the trust store {self._name} meanwhile", hint="run again") from error
        return str(answer["TrustStore"]["Id"]), str(answer["ETag"])

    def _is_active(self) -> bool:
        described = self._described()
        store = described[0] if described else {}
        if store.get("Status") == ENDED:
            reason = " ".join(str(store.get("Reason") or "without a reason").split())[:300]
            raise ClmError(f"CloudFront could not take the bundle for {self._name}: {reason}")
        return store.get("Status") == ACTIVE
