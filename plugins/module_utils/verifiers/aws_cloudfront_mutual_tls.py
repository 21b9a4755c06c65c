# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How CloudFront distributions verify their viewers: by which trust store, or not at all."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .. import aws, distributions
from ..contracts import Verification, Verifier
from ..errors import ConfigError, MissingLibraryError
from ._mutual_tls import EXPIRED, NAMES, SHARED, facts_of, in_force

NAME = "aws_cloudfront_mutual_tls"
OFF = "off"
OPTIONS: Dict[str, Any] = {
    "distribution_id": {"type": "str", "required": True},
    "mode": {"type": "str", "choices": [OFF, "optional", "required"], "required": True},
    **SHARED,
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "A distribution that verifies its viewers": [
        {
            "Action": ["cloudfront:GetDistributionConfig", "cloudfront:ListTrustStores", "cloudfront:UpdateDistribution"],
            "Resource": "*",
        }
    ],
}
KEY, STORE = "ViewerMtlsConfig", "TrustStoreConfig"


def create(options: Mapping[str, Any]) -> Verifier:
    """That of the distribution; nothing is asked before it is used. ConfigError when an option is wrong."""
    if (options["mode"] != OFF) != bool(options.get("trust_store")):
        raise ConfigError("with mode optional or required it is needed, and with off it says nothing", field="trust_store")
    return Distribution(options, aws.Clients({**options, "region": distributions.REGION}))


class Distribution:
    """Verifier."""

    def __init__(self, options: Mapping[str, Any], clients: aws.Clients) -> None:
        self._options, self._clients, self._id = options, clients, str(options["distribution_id"])

    def identity(self) -> str:
        """The id of the distribution."""
        return self._id

    @property
    def _client(self) -> Any:
        client = self._clients.get("cloudfront")
        if not hasattr(client, "list_trust_stores"):
            raise MissingLibraryError("this boto3 knows no mutual TLS of CloudFront", hint="pip install 'boto3>=1.41.3'")
        return client

    def read(self) -> Verification:
        """What the distribution's configuration says of it."""
        config, _etag = distributions.configuration(self._client, self._id)
        mutual = config.get(KEY) or {}
        store = mutual.get(STORE) or {}
        said = {EXPIRED: store.get("IgnoreCertificateExpiry"), NAMES: store.get("AdvertiseTrustStoreCaNames")}
        return Verification(facts_of(str(mutual.get("Mode") or OFF), str(store.get("TrustStoreId") or ""), said))

    def wanted(self, check_mode: bool) -> Mapping[str, Any]:
        """What the task asks for, with the id of its trust store."""
        mode = str(self._options["mode"])
        return facts_of(mode, self._trust_store(check_mode) if mode != OFF else "", self._options)

    def _trust_store(self, check_mode: bool) -> str:
        """The id of the trust store of that name, which is in force."""
        name = str(self._options["trust_store"])
        rows = aws.pages(self._client, "list_trust_stores", "TrustStoreList")
        found = next((one for one in rows if name in (one["Name"], one["Id"])), None)
        return in_force(name, found, check_mode, key="Id", active="active", made_by="aws_cloudfront_trust_store")

    def write(self, facts: Mapping[str, Any], before: Verification) -> None:
        """Against the ETag that is read with the configuration, of which everything else stays."""

        def edit(config: Dict[str, Any]) -> None:
            config.pop(KEY, None)
            if facts["mode"] != OFF:
                store = {"TrustStoreId": facts["trust_store"], "IgnoreCertificateExpiry": facts[EXPIRED]}
                config[KEY] = {"Mode": facts["mode"], STORE: {**store, "AdvertiseTrustStoreCaNames": facts[NAMES]}}

        distributions.change(self._client, self._id, edit)
