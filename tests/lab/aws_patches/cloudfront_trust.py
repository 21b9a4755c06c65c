# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFront: trust stores. The emulator has none."""

from __future__ import annotations

import datetime
import secrets
from typing import Any, Dict, List

from moto.cloudfront import urls
from moto.cloudfront.exceptions import CloudFrontException
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult, EmptyResult

from aws_patches import patch
from aws_patches.elbv2_trust import GIVEN, certificates_in, object_of

Row = Dict[str, Any]


def stores(response: Any) -> Dict[str, Row]:
    """By id those of the account."""
    found: Dict[str, Row] = response.backend.__dict__.setdefault("trust_stores", {})
    return found


def one(response: Any, name: str, etag: str = "") -> Row:
    """That of the call; refused when it is none, or not of that version."""
    found = stores(response).get(response._get_param(name))
    if found is None:
        raise CloudFrontException("EntityNotFound", "The entity was not found.")
    if etag and etag != found["ETag"]:
        raise CloudFrontException("PreconditionFailed", "The precondition in one or more of the request fields evaluated to false.")
    return found


def take(response: Any, row: Row, source: Any) -> None:
    """Read the bundle once, as it is then; blank lines between certificates are not taken."""
    place = (source or {}).get("CaCertificatesBundleS3Location") or {}
    data = object_of(response.current_account, place.get("Bucket", ""), place.get("Key", ""), place.get("Version"))
    try:
        if data is None or b"\n\n" in data:
            raise ValueError("no bundle")
        count = len(certificates_in(data))
    except ValueError:
        raise CloudFrontException("InvalidArgument", "The CA certificates bundle is invalid.") from None
    GIVEN[f"cloudfront-{row['Id']}"] = data
    row.update(NumberOfCaCertificates=count, ETag=secrets.token_hex(7).upper(), looks=1, LastModifiedTime=datetime.datetime.now())


def shown(row: Row) -> Row:
    """As a call shows it: pending for a while."""
    status = "pending" if row["looks"] > 0 else "active"
    row["looks"] -= 1
    return {**{name: value for name, value in row.items() if name not in ("ETag", "looks")}, "Status": status}


def create_trust_store(self: Any) -> ActionResult:
    name = self._get_param("Name")
    if name in [row["Name"] for row in stores(self).values()]:
        raise CloudFrontException("EntityAlreadyExists", "The entity already exists.")
    number = f"ts_{secrets.token_hex(12)}"
    row = {"Id": number, "Name": name, "Arn": f"arn:aws:cloudfront::{self.current_account}:trust-store/{number}"}
    take(self, row, self._get_param("CaCertificatesBundleSource"))
    stores(self)[number] = row
    return ActionResult({"TrustStore": {**shown(row), "Status": "pending"}, "ETag": row["ETag"]})


def update_trust_store(self: Any) -> ActionResult:
    row = one(self, "Id", str(self._get_param("IfMatch") or "none"))
    take(self, row, self._get_param("CaCertificatesBundleSource"))
    return ActionResult({"TrustStore": {**shown(row), "Status": "pending"}, "ETag": row["ETag"]})


def get_trust_store(self: Any) -> ActionResult:
    row = one(self, "Identifier")
    return ActionResult({"TrustStore": shown(row), "ETag": row["ETag"]})


def list_trust_stores(self: Any) -> ActionResult:
    rows, size, marker = list(stores(self).values()), int(self._get_param("MaxItems") or 100), int(self._get_param("Marker") or 0)
    more = {"NextMarker": str(marker + size)} if marker + size < len(rows) else {}
    return ActionResult({"TrustStoreList": [{**shown(row), "ETag": row["ETag"]} for row in rows[marker : marker + size]], **more})


def users_of(response: Any, number: str) -> List[Any]:
    """The distributions that verify by the trust store."""
    every = response.backend.distributions.values()
    return [one for one in every if (mutual_of(one.distribution_config).get("TrustStoreConfig") or {}).get("TrustStoreId") == number]


def mutual_of(config: Any) -> Row:
    """How a configuration verifies viewers; the emulator keeps what it is given."""
    found: Row = getattr(config, "ViewerMtlsConfig", None) or {}
    return found


def list_distributions_by_trust_store(self: Any) -> ActionResult:
    found = users_of(self, self._get_param("TrustStoreIdentifier"))
    more = {"Items": found} if found else {}
    return ActionResult({"DistributionList": {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(found), **more}})


def delete_trust_store(self: Any) -> EmptyResult:
    row = one(self, "Id", str(self._get_param("IfMatch") or "none"))
    if users_of(self, row["Id"]):
        raise CloudFrontException("CannotDeleteEntityWhileInUse", "The entity cannot be deleted while it is in use.")
    del stores(self)[row["Id"]]
    return EmptyResult()


@patch
def cloudfront_trust_stores() -> None:
    """A trust store takes the bundle out of S3 once, against the ETag that was read, and never gives it back.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateTrustStore.html, API_UpdateTrustStore.html,
    API_GetTrustStore.html, API_ListTrustStores.html, API_DeleteTrustStore.html, API_ListDistributionsByTrustStore.html, and the
    developer guide, "Trust stores and certificate management"
    """
    for act in (
        create_trust_store, update_trust_store, get_trust_store, list_trust_stores, delete_trust_store, list_distributions_by_trust_store,
    ):  # fmt: skip
        setattr(CloudFrontResponse, act.__name__, act)
    for path in ("trust-store$", "trust-stores$", "trust-store/(?P<trust_store>[^/]+)$", "distributionsByTrustStore$"):
        urls.url_paths[f"{{0}}/2020-05-31/{path}"] = CloudFrontResponse.dispatch


@patch
def cloudfront_viewer_mtls() -> None:
    """A distribution verifies its viewers by a trust store that is there.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ViewerMtlsConfig.html and API_TrustStoreConfig.html
    """
    stock = CloudFrontResponse.update_distribution

    def update_distribution(self: Any) -> ActionResult:
        mutual = (self._get_param("DistributionConfig") or {}).get("ViewerMtlsConfig") or {}
        if mutual and (mutual.get("TrustStoreConfig") or {}).get("TrustStoreId") not in stores(self):
            raise CloudFrontException("InvalidArgument", "The specified trust store does not exist.")
        return stock(self)

    CloudFrontResponse.update_distribution = update_distribution
