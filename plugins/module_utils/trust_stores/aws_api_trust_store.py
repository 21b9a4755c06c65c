# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutual TLS of API Gateway's domain names, of REST APIs and of HTTP APIs: the bundle is a version of an object in S3."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .. import aws
from ..aws import Clients
from ..contracts import Clock, Trusted, TrustStore
from ..errors import ClmError, ConfigError
from ._aws import BUCKET, Objects, Patience, key_of, patience_of

NAME = "aws_api_trust_store"
OPTIONS: Dict[str, Any] = {
    "domain_name": {"type": "str", "required": True},
    "api": {"type": "str", "choices": ["rest", "http"], "default": "rest"},
    "enable_mutual_tls": {"type": "bool", "default": False},
    **BUCKET,
    **aws.ONE,
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "Domain names of REST, HTTP and WebSocket APIs": [
        {"Action": ["apigateway:GET", "apigateway:PATCH"], "Resource": "*"},
        {"Action": ["s3:GetBucketVersioning", "s3:ListBucket"], "Resource": "arn:aws:s3:::example-trust"},
        {"Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], "Resource": "arn:aws:s3:::example-trust/*"},
    ],
}
# https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html: RSA of 2048 bits or more, ECDSA of 256 and 384
KEY_TYPES: Tuple[str, ...] = ("rsa-2048", "rsa-3072", "rsa-4096", "rsa-6144", "rsa-8192", "ecdsa-p256", "ecdsa-p384")
READY, ENDED = "AVAILABLE", "FAILED"


def create(options: Mapping[str, Any], clock: Clock) -> TrustStore:
    """That of the domain name; nothing is asked before it is used. ConfigError when an option is wrong."""
    name, api = str(options["domain_name"]), str(options.get("api") or "rest")
    if api not in OPTIONS["api"]["choices"]:
        raise ConfigError(f"{api!r} is not known", hint="rest or http", field="api")
    clients = Clients(options)
    objects = Objects(clients, str(options["bucket"]), key_of(options, name))
    kind = Http if api == "http" else Rest
    enable = bool(options.get("enable_mutual_tls")) or options.get("state") == "absent"  # what is to be turned off may be off
    return kind(name, clients, objects, patience_of(options, clock), enable)


class Rest:
    """TrustStore and Removable, of a domain name of REST APIs. Its `ref` is not used: a domain name is its own."""

    key_types = KEY_TYPES
    service = "apigateway"

    def __init__(self, name: str, clients: Clients, objects: Objects, patience: Patience, enable: bool) -> None:
        self._name, self._clients, self._objects, self._patience, self._enable = name, clients, objects, patience, enable

    def identity(self) -> str:
        """The domain name."""
        return self._name

    @property
    def _client(self) -> Any:
        return self._clients.get(self.service)

    # --- what differs between the two kinds of APIs ---

    def _get(self) -> Mapping[str, Any]:
        """The domain name, with the field names of HTTP APIs."""
        found = self._client.get_domain_name(domainName=self._name)
        kinds = (found.get("endpointConfiguration") or {}).get("types") or ()
        mutual = {name[:1].upper() + name[1:]: value for name, value in (found.get("mutualTlsAuthentication") or {}).items()}
        status = {"DomainNameStatus": found.get("domainNameStatus"), "DomainNameStatusMessage": found.get("domainNameStatusMessage")}
        return {"MutualTlsAuthentication": mutual, "DomainNameConfigurations": [{**status, "EndpointType": ",".join(kinds)}]}

    def _update(self, uri: str, version: str) -> None:
        values = {"truststoreUri": uri, **({"truststoreVersion": version} if uri else {})}
        operations = [{"op": "replace", "path": f"/mutualTlsAuthentication/{name}", "value": value} for name, value in values.items()]
        self._client.update_domain_name(domainName=self._name, patchOperations=operations)

    # --- what does not ---

    def _domain(self) -> Mapping[str, Any]:
        with aws.told(f"apigateway GetDomainName {self._name}"):
            return self._get()

    def read(self) -> Optional[Trusted]:
        """The bundle that the domain name was told to take. ConfigError where it verifies nobody, unless that is to change."""
        self._objects.look()
        domain = self._domain()
        mutual = domain.get("MutualTlsAuthentication") or {}
        if not mutual.get("TruststoreUri"):
            self._refuse(domain)
            return None
        return self._trusted(str(mutual["TruststoreUri"]), str(mutual.get("TruststoreVersion") or ""), mutual)

    def _refuse(self, domain: Mapping[str, Any]) -> None:
        if not self._enable:
            hint = "set enable_mutual_tls: true, and from then on every client without a certificate is refused"
            raise ConfigError(f"{self._name} asks its clients for no certificate", hint=hint, field="enable_mutual_tls")
        if any("EDGE" in str(one.get("EndpointType")) for one in domain["DomainNameConfigurations"]):
            raise ConfigError(f"{self._name} is edge-optimised, and only a regional domain name has mutual TLS", field="domain_name")

    def _trusted(self, uri: str, version: str, mutual: Mapping[str, Any]) -> Trusted:
        bucket, _slash, key = uri.partition("://")[2].partition("/")
        text = self._objects.get(bucket, key, version)
        doubt = "" if version else f"it was given {uri[:200]} without a version, and nobody can tell which one that was"
        if text is None:
            doubt = f"the bundle that it was given, {uri[:200]}, is not in the bucket any more"
        warnings = tuple(
            f"API Gateway says of {self._name}: {' '.join(str(one).split())[:300]}" for one in _list(mutual, "TruststoreWarnings")
        )
        return Trusted(text or "", uri, doubt, warnings)

    def write(self, bundle_pem: str, before: Optional[Trusted]) -> None:
        """Put the bundle into the bucket, then have just that version taken from there."""
        version = self._objects.put(bundle_pem)
        with aws.told(f"apigateway UpdateDomainName {self._name}"):
            self._update(f"s3://{self._objects.bucket}/{self._objects.key}", version)
        self._patience.until(self._is_ready, f"the trust store of {self._name}")

    def users(self, trusted: Trusted) -> Sequence[str]:
        """Nothing else than the domain name itself."""
        return []

    def remove(self, trusted: Trusted) -> None:
        """Turn mutual TLS off, which is what taking the bundle away does: from then on every client is let in."""
        with aws.told(f"apigateway UpdateDomainName {self._name}"):
            self._update("", "")
        self._patience.until(self._is_ready, f"the domain name {self._name} without a trust store")

    def _is_ready(self) -> bool:
        rows = _list(self._domain(), "DomainNameConfigurations")
        bad = [str(one.get("DomainNameStatusMessage") or "without a reason") for one in rows if one.get("DomainNameStatus") == ENDED]
        if bad:
            raise ClmError(f"{self._name}: API Gateway could not take the bundle: {' '.join(bad[0].split())[:300]}")
        return all(one.get("DomainNameStatus") in (READY, None) for one in rows)


class Http(Rest):
    """A domain name of HTTP and WebSocket APIs."""

    service = "apigatewayv2"

    def _get(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.get_domain_name(DomainName=self._name)
        return found

    def _update(self, uri: str, version: str) -> None:
        mutual = {"TruststoreUri": uri, **({"TruststoreVersion": version} if uri else {})}
        self._client.update_domain_name(DomainName=self._name, MutualTlsAuthentication=mutual)


def _list(found: Mapping[str, Any], name: str) -> List[Any]:
    return list(found.get(name) or ())
