# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust stores of the emulator, as somebody sees and writes them who is not the provider under test. Tier B."""

from __future__ import annotations

import urllib.request
from typing import Any, Dict, List

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from .anchors import anchor
from .aws import REGION, Aws
from .aws_estate import WRITES
from .aws_places import http_domain, rest_domain
from .ca import pem_of

BUCKET = "trust"
EAST = "us-east-1"
LISTING = ("POST /2020-05-31/trust-stores", "POST /moto-api/reset-auth")  # which change nothing there


def bucket(aws: Aws, name: str, versioned: bool = True, region: str = REGION) -> None:
    """A bucket that keeps versions, or none."""
    s3 = aws.client("s3", region)
    s3.create_bucket(Bucket=name, **({} if region == EAST else {"CreateBucketConfiguration": {"LocationConstraint": region}}))
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def hashes_of(pem: bytes) -> List[str]:
    """The SHA-256 of every certificate of a bundle, sorted."""
    return sorted(one.fingerprint(hashes.SHA256()).hex() for one in x509.load_pem_x509_certificates(pem))


class AwsPlace:
    """What every trust store of AWS shares in a test."""

    def __init__(self, aws: Aws, **options: Any) -> None:
        self.aws = aws
        self.options: Dict[str, Any] = {"region": REGION, "bucket": BUCKET, **options}

    def writes(self) -> int:
        """Calls that change something, of any service."""
        calls = self.aws.calls().items()
        return sum(count for name, count in calls if name.split(":")[1].startswith(WRITES) and not name.endswith(LISTING))

    def by_hand(self) -> str:
        """A bundle of somebody else, in the bucket under a key of theirs; its version."""
        body = pem_of(anchor("by hand")[1], anchor("by hand too")[1]).encode()
        return str(self.aws.client("s3").put_object(Bucket=BUCKET, Key="hand.pem", Body=body)["VersionId"])


class ElbPlace(AwsPlace):
    """A trust store of load balancers."""

    def __init__(self, aws: Aws) -> None:
        super().__init__(aws, name="clients")

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.aws.client("elbv2").describe_trust_stores(Names=["clients"])["TrustStores"][0]["TrustStoreArn"])

    def held(self) -> List[str]:
        """What the load balancers have."""
        found = self.aws.client("elbv2").get_trust_store_ca_certificates_bundle(TrustStoreArn=self.arn)
        with urllib.request.urlopen(found["Location"], timeout=10) as answer:
            return hashes_of(answer.read())

    def foreign(self) -> None:
        """Somebody else replaces the bundle."""
        place = {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": "hand.pem"}
        self.by_hand()
        self.aws.client("elbv2").modify_trust_store(TrustStoreArn=self.arn, **place)


class ApiPlace(AwsPlace):
    """Mutual TLS of a domain name of API Gateway, which has none yet."""

    def __init__(self, aws: Aws, api: str, name: str = "api.example.com") -> None:
        super().__init__(aws, domain_name=name, api=api, enable_mutual_tls=True)
        self.name, self.rest = name, api == "rest"
        (rest_domain if self.rest else http_domain)(aws, name, aws.hold(name)[0])
        aws.forget_calls()

    @property
    def mutual(self) -> Dict[str, Any]:
        """What the domain name says of it, with the field names of REST APIs."""
        if self.rest:
            return dict(self.aws.client("apigateway").get_domain_name(domainName=self.name).get("mutualTlsAuthentication") or {})
        found = self.aws.client("apigatewayv2").get_domain_name(DomainName=self.name).get("MutualTlsAuthentication") or {}
        return {f"{name[:1].lower()}{name[1:]}": value for name, value in found.items()}

    def held(self) -> List[str]:
        """What it verifies by."""
        bucket_name, _slash, key = self.mutual["truststoreUri"].partition("s3://")[2].partition("/")
        more = {"VersionId": self.mutual["truststoreVersion"]} if "truststoreVersion" in self.mutual else {}
        return hashes_of(self.aws.client("s3").get_object(Bucket=bucket_name, Key=key, **more)["Body"].read())

    def foreign(self) -> None:
        """Somebody else takes another bundle, by its version."""
        self.take(f"s3://{BUCKET}/hand.pem", self.by_hand())

    def take(self, uri: str, version: str = "") -> None:
        """Somebody else takes this one."""
        values = {"truststoreUri": uri, "truststoreVersion": version}
        if self.rest:
            operations = [{"op": "replace", "path": f"/mutualTlsAuthentication/{name}", "value": value} for name, value in values.items()]
            self.aws.client("apigateway").update_domain_name(domainName=self.name, patchOperations=operations)
            return
        mutual = {"TruststoreUri": uri, **({"TruststoreVersion": version} if version else {})}
        self.aws.client("apigatewayv2").update_domain_name(DomainName=self.name, MutualTlsAuthentication=mutual)


class CloudFrontPlace(AwsPlace):
    """A trust store of CloudFront."""

    def __init__(self, aws: Aws, name: str = "viewers") -> None:
        super().__init__(aws, name=name)
        self.name = name

    @property
    def row(self) -> Dict[str, Any]:
        """It as a listing has it."""
        rows = self.aws.client("cloudfront").list_trust_stores()["TrustStoreList"]
        return dict(next(one for one in rows if one["Name"] == self.name))

    def held(self) -> List[str]:
        """What CloudFront took, which only the lab tells."""
        with urllib.request.urlopen(f"{self.aws.url}/_given/cloudfront-{self.row['Id']}", timeout=10) as answer:
            return hashes_of(answer.read())

    def foreign(self) -> None:
        """Somebody else replaces the bundle."""
        place = {"Bucket": BUCKET, "Key": "hand.pem", "Region": REGION, "Version": self.by_hand()}
        source = {"CaCertificatesBundleS3Location": place}
        self.aws.client("cloudfront").update_trust_store(Id=self.row["Id"], IfMatch=self.row["ETag"], CaCertificatesBundleSource=source)
