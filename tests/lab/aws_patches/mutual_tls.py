# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""API Gateway: mutual TLS of domain names, with a bundle out of S3."""

from __future__ import annotations

import datetime
import json
from typing import Any, Dict, List

from moto.apigateway.exceptions import BadRequestException
from moto.apigateway.models import DomainName as RestDomain
from moto.apigateway.responses import APIGatewayResponse
from moto.apigatewayv2.exceptions import BadRequestException as BadRequestV2
from moto.apigatewayv2.models import DomainName as HttpDomain
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.s3.models import s3_backends

from aws_patches import patch
from aws_patches.elbv2_trust import certificates_in, object_of


def taken(account: str, given: Dict[str, Any], refusal: Any) -> Dict[str, Any]:
    """What a domain name has after it took the bundle that the call names, with warnings about certificates that do not count."""
    uri, version = str(given.get("truststoreUri") or ""), given.get("truststoreVersion")
    bucket, _slash, key = uri.partition("s3://")[2].partition("/")
    data = object_of(account, bucket, key, version) if key else None
    if data is None or (version and s3_backends[account]["aws"].buckets[bucket].versioning_status != "Enabled"):
        raise refusal(f"Invalid S3 object: {uri} {version or ''}")
    try:
        found = certificates_in(data)
    except ValueError:
        raise refusal("The truststore is not valid PEM") from None
    now = datetime.datetime.now(datetime.timezone.utc)
    late = [one for one in found if one.not_valid_after_utc < now]
    warnings: List[str] = [f"Certificate {one.subject.rfc4514_string()} in the truststore has expired" for one in late]
    more = {"truststoreWarnings": warnings} if warnings else {}
    return {"truststoreUri": uri, **({"truststoreVersion": version} if version else {}), **more}


@patch
def apigateway_mutual_tls() -> None:
    """A regional domain name of REST APIs has mutual TLS, and is UPDATING for a while when that is changed.

    https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateDomainName.html, API_MutualTlsAuthentication.html, and the developer guide,
    "How to turn on mutual TLS authentication for your REST APIs": regional domain names only, versions in a versioned bucket, and an empty
    truststoreUri turns it off
    """
    updated, shown = APIGatewayResponse.update_domain_name, RestDomain.to_json

    def update_domain_name(self: Any) -> Any:
        domain = self.backend.get_domain_name(self.path.split("/")[2])
        operations = json.loads(self.body)["patchOperations"]
        mutual = {one["path"].rpartition("/")[2]: one["value"] for one in operations if one["path"].startswith("/mutualTlsAuthentication/")}
        if not mutual:
            return updated(self)
        if len(mutual) < len(operations) or "EDGE" in (domain.endpoint_configuration or {}).get("types", []):
            raise BadRequestException("Mutual TLS is not supported for this domain name, or with other changes")
        before, off = getattr(domain, "mutual", {}), mutual.get("truststoreUri") == ""
        domain.mutual = {} if off else taken(self.current_account, {**before, **mutual}, BadRequestException)
        domain.looks = 1
        return 200, {}, json.dumps(domain.to_json())

    def to_json(self: Any) -> Dict[str, Any]:
        found: Dict[str, Any] = dict(shown(self))
        if getattr(self, "mutual", None):
            found["mutualTlsAuthentication"] = self.mutual
            found["domainNameStatus"] = "UPDATING" if self.looks >= 0 else found["domainNameStatus"]
            self.looks -= 1
        return found

    APIGatewayResponse.update_domain_name, RestDomain.to_json = update_domain_name, to_json


@patch
def apigatewayv2_mutual_tls() -> None:
    """The same for HTTP APIs, where the configurations stay when a call names only mutual TLS.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname.html
    """
    updated, shown = getattr(ApiGatewayV2Response, "update_domain_name", None), HttpDomain.to_json

    def update_domain_name(self: Any) -> Any:
        given = json.loads(self.body)
        domain = self.apigatewayv2_backend.get_domain_name(domain_name=self.path.split("/")[-1])
        if given.get("domainNameConfigurations") and updated is not None:
            updated(self)
        if given.get("mutualTlsAuthentication"):
            mutual = given["mutualTlsAuthentication"]
            off = mutual.get("truststoreUri") == ""
            domain.mutual_tls_authentication = {} if off else taken(self.current_account, mutual, BadRequestV2)
            domain.looks = 1
        return 200, {}, json.dumps(domain.to_json())

    def to_json(self: Any) -> Dict[str, Any]:
        found: Dict[str, Any] = dict(shown(self))
        looks = self.__dict__.get("looks", -1)
        status = {"domainNameStatus": "UPDATING" if looks >= 0 else "AVAILABLE"}
        self.looks = looks - 1
        found["domainNameConfigurations"] = [{**one, **status} for one in found["domainNameConfigurations"]]
        return found

    ApiGatewayV2Response.update_domain_name, HttpDomain.to_json = update_domain_name, to_json
