# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revocation (RFC 8555 section 7.6), signed by the account or by the certificate's own key."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from ..errors import ConfigError
from ..x509 import pem
from ._acme_library import josepy
from ._acme_problem import Problem

REASONS: Mapping[str, int] = {  # RFC 5280 section 5.3.1, of which a CA may take fewer
    "unspecified": 0,
    "key_compromise": 1,
    "affiliation_changed": 3,
    "superseded": 4,
    "cessation_of_operation": 5,
    "privilege_withdrawn": 9,
}


def revoke(post: Callable[[Dict[str, Any]], Any], certificate_pem: str, reason: str) -> None:
    """Have it revoked by a request that `post` signs; one that is revoked already is no error."""
    if reason not in REASONS:
        raise ConfigError(f"unknown revocation reason {reason!r}", hint="one of " + ", ".join(REASONS), field="reason")
    payload: Dict[str, Any] = {"certificate": josepy.encode_b64jose(pem.split(certificate_pem)[0].der)}
    if REASONS[reason]:
        payload["reason"] = REASONS[reason]
    try:
        post(payload)
    except Problem as problem:
        if problem.kind != "alreadyRevoked":
            raise
