# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELBv2: trust stores with their bundles and revocation lists, and listeners that verify by one. The emulator has none of it."""

from __future__ import annotations

import secrets
from typing import Any, Dict, List, Optional, Tuple

from cryptography import x509
from moto.core.responses import ActionResult, EmptyResult
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.responses import ELBV2Response
from moto.s3.models import s3_backends

from aws_patches import patch

GIVEN: Dict[str, bytes] = {}  # what a signed URL gives, by its token: see aws_shim.py
LARGEST, MOST_LISTS = 25, 30  # CA certificates and revocation lists of a trust store
LABEL = b"-----BEGIN X509 CRL-----"


def object_of(account: str, bucket: str, key: str, version: Optional[str]) -> Optional[bytes]:
    """The object in S3, None when it or its version is not there."""
    backend = s3_backends[account]["aws"]
    if bucket not in backend.buckets:
        return None
    found = backend.get_object(bucket, key, version_id=version)
    return None if found is None else bytes(found.value)


def certificates_in(data: bytes) -> List[x509.Certificate]:
    """The certificates of a PEM bundle; ValueError for anything else."""
    if b"PRIVATE KEY" in data:
        raise ValueError("no bundle")
    return x509.load_pem_x509_certificates(data)


class Store:
    """One trust store; CREATING while the first `looks` at it go on."""

    def __init__(self, arn: str, name: str) -> None:
        self.arn, self.name, self.bundle = arn, name, b""
        self.lists: Dict[int, Tuple[bytes, int]] = {}
        self.next, self.looks = 1, 1

    @property
    def shown(self) -> Dict[str, Any]:
        count, revoked = len(certificates_in(self.bundle)), sum(number for _data, number in self.lists.values())
        status = "CREATING" if self.looks > 0 else "ACTIVE"
        return {
            "Name": self.name, "TrustStoreArn": self.arn, "Status": status,
            "NumberOfCaCertificates": count, "TotalRevokedEntries": revoked,
        }  # fmt: skip


def stores(response: Any) -> Dict[str, Store]:
    """By ARN those of the account and region; they are gone when the emulator is reset, with its backend."""
    found: Dict[str, Store] = response.elbv2_backend.__dict__.setdefault("trust_stores", {})
    return found


def store(response: Any, arn: str) -> Store:
    """The one of that ARN."""
    if arn not in stores(response):
        raise ELBClientError("TrustStoreNotFound", f"Trust store '{arn}' not found")
    return stores(response)[arn]


def bundle(response: Any) -> bytes:
    """What the call names in S3, judged."""
    names = ("Bucket", "Key", "ObjectVersion")
    bucket, key, version = (response._get_param(f"CaCertificatesBundleS3{name}") for name in names)
    data = object_of(response.current_account, bucket, key, version)
    if data is None:
        raise ELBClientError("CaCertificatesBundleNotFound", f"The specified CA certificates bundle {bucket}/{key} does not exist")
    try:
        if b"\n\n" in data:
            raise ValueError("a blank line")
        found = certificates_in(data)
    except ValueError:
        raise ELBClientError("InvalidCaCertificatesBundle", "The specified CA certificates bundle is invalid") from None
    if not 0 < len(found) <= LARGEST:
        raise ELBClientError("InvalidCaCertificatesBundle", f"The bundle has {len(found)} CA certificates")
    return data


def signed(response: Any, data: bytes) -> ActionResult:
    """A URL that gives it."""
    token = secrets.token_hex(16)
    GIVEN[token] = data
    return ActionResult({"Location": f"http://{response.headers['Host']}/_given/{token}?X-Amz-Signature={secrets.token_hex(16)}"})


def create_trust_store(self: Any) -> ActionResult:
    name, data = self._get_param("Name"), bundle(self)
    if name in [one.name for one in stores(self).values()]:
        raise ELBClientError("DuplicateTrustStoreName", f"A trust store with the name {name} exists")
    arn = f"arn:aws:elasticloadbalancing:{self.region}:{self.current_account}:truststore/{name}/{secrets.token_hex(8)}"
    made = stores(self)[arn] = Store(arn, name)
    made.bundle = data
    return ActionResult({"TrustStores": [made.shown]})


def modify_trust_store(self: Any) -> ActionResult:
    found, data = store(self, self._get_param("TrustStoreArn")), bundle(self)
    found.bundle = data
    return ActionResult({"TrustStores": [found.shown]})


def describe_trust_stores(self: Any) -> ActionResult:
    names, arns = self._get_param("Names") or [], self._get_param("TrustStoreArns") or []
    found = [one for one in stores(self).values() if (not names or one.name in names) and (not arns or one.arn in arns)]
    if len(found) < len(names) + len(arns):
        raise ELBClientError("TrustStoreNotFound", "One or more trust stores not found")
    rows = [one.shown for one in found]
    for one in found:
        one.looks -= 1
    return ActionResult({"TrustStores": rows})


def users_of(response: Any, arn: str) -> List[str]:
    """The listeners that verify by the trust store."""
    balancers = response.elbv2_backend.load_balancers.values()
    listeners = [pair for balancer in balancers for pair in balancer.listeners.items()]
    return [name for name, one in listeners if getattr(one, "mutual", {}).get("TrustStoreArn") == arn]


def describe_trust_store_associations(self: Any) -> ActionResult:
    found = store(self, self._get_param("TrustStoreArn"))
    return ActionResult({"TrustStoreAssociations": [{"ResourceArn": name} for name in users_of(self, found.arn)]})


def delete_trust_store(self: Any) -> EmptyResult:
    found = store(self, self._get_param("TrustStoreArn"))
    if users_of(self, found.arn):
        raise ELBClientError("TrustStoreInUse", f"Trust store '{found.arn}' is currently in use")
    del stores(self)[found.arn]
    return EmptyResult()


def get_trust_store_ca_certificates_bundle(self: Any) -> ActionResult:
    return signed(self, store(self, self._get_param("TrustStoreArn")).bundle)


@patch
def elbv2_trust_stores() -> None:
    """A trust store takes the bundle out of S3 once, and gives its own copy back by a signed URL.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTrustStore.html, API_ModifyTrustStore.html,
    API_DeleteTrustStore.html, API_DescribeTrustStoreAssociations.html and API_GetTrustStoreCaCertificatesBundle.html; 25 CA certificates
    by the quotas of load balancers, and no blank line by .../application/mutual-authentication.html
    """
    for act in (
        create_trust_store, modify_trust_store, describe_trust_stores, delete_trust_store, describe_trust_store_associations,
        get_trust_store_ca_certificates_bundle,
    ):  # fmt: skip
        setattr(ELBV2Response, act.__name__, act)


def add_trust_store_revocations(self: Any) -> ActionResult:
    found = store(self, self._get_param("TrustStoreArn"))
    made: List[Tuple[bytes, int]] = []
    for one in self._get_param("RevocationContents") or []:
        data = object_of(self.current_account, one["S3Bucket"], one["S3Key"], one.get("S3ObjectVersion"))
        if data is None:
            raise ELBClientError("RevocationContentNotFound", "The specified revocation file does not exist")
        try:
            crl = x509.load_pem_x509_crl(data) if LABEL in data else x509.load_der_x509_crl(data)
        except ValueError:
            raise ELBClientError("InvalidRevocationContent", "The revocation file is invalid") from None
        made.append((data, len(crl)))
    if len(found.lists) + len(made) > MOST_LISTS:
        raise ELBClientError("TooManyTrustStoreRevocationEntries", "The trust store has too many revocation entries")
    first = found.next
    for one in made:
        found.lists[found.next] = one
        found.next += 1
    return ActionResult({"TrustStoreRevocations": rows_of(found, range(first, found.next))})


def rows_of(found: Store, numbers: Any) -> List[Dict[str, Any]]:
    """Revocation lists as AWS shows them."""
    named = {"TrustStoreArn": found.arn, "RevocationType": "CRL"}
    return [{**named, "RevocationId": number, "NumberOfRevokedEntries": found.lists[number][1]} for number in numbers]


def known(found: Store, numbers: Any) -> List[int]:
    """The ids of a call, each of which is there."""
    wanted = [int(one) for one in numbers or []]
    if set(wanted) - set(found.lists):
        raise ELBClientError("RevocationIdNotFound", "The specified revocation ID does not exist")
    return wanted


def describe_trust_store_revocations(self: Any) -> ActionResult:
    found = store(self, self._get_param("TrustStoreArn"))
    wanted = known(found, self._get_param("RevocationIds")) or sorted(found.lists)
    size, start = int(self._get_param("PageSize") or 400), int(self._get_param("Marker") or 0)
    more = {"NextMarker": str(start + size)} if start + size < len(wanted) else {}
    return ActionResult({"TrustStoreRevocations": rows_of(found, wanted[start : start + size]), **more})


def get_trust_store_revocation_content(self: Any) -> ActionResult:
    found = store(self, self._get_param("TrustStoreArn"))
    (number,) = known(found, [self._get_param("RevocationId")])
    return signed(self, found.lists[number][0])


def remove_trust_store_revocations(self: Any) -> EmptyResult:
    found = store(self, self._get_param("TrustStoreArn"))
    for number in known(found, self._get_param("RevocationIds")):
        del found.lists[number]
    return EmptyResult()


@patch
def elbv2_revocations() -> None:
    """Revocation lists out of S3, each with an id of its own, up to 30 of them.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTrustStoreRevocations.html,
    API_DescribeTrustStoreRevocations.html, API_GetTrustStoreRevocationContent.html and API_RemoveTrustStoreRevocations.html
    """
    for act in (
        add_trust_store_revocations, describe_trust_store_revocations, get_trust_store_revocation_content, remove_trust_store_revocations,
    ):  # fmt: skip
        setattr(ELBV2Response, act.__name__, act)


@patch
def elbv2_mutual_authentication() -> None:
    """A listener keeps its mutual authentication, and one that verifies needs a trust store that is there.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_MutualAuthenticationAttributes.html
    """
    for name in ("create_listener", "modify_listener"):
        setattr(ELBV2Response, name, _with_mutual(getattr(ELBV2Response, name)))
    described = ELBV2Response.describe_listeners

    def describe_listeners(self: Any) -> Any:
        answer = described(self)
        for one in answer.result["Listeners"]:
            one.mutual_authentication = getattr(one, "mutual", None)
        return answer

    ELBV2Response.describe_listeners = describe_listeners


def _with_mutual(act: Any) -> Any:
    def acting(self: Any) -> Any:
        mutual = self._get_param("MutualAuthentication")
        if mutual and mutual.get("Mode") == "verify":
            store(self, mutual.get("TrustStoreArn") or "")
        answer = act(self)
        if mutual:
            answer.result["Listeners"][0].mutual = answer.result["Listeners"][0].mutual_authentication = dict(mutual)
        return answer

    return acting
