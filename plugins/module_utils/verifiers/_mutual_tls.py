# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verifiers of AWS share: the facts of a place, and the two options beside its mode and its trust store."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .. import aws

EXPIRED, NAMES = "ignore_client_certificate_expiry", "advertise_trust_store_ca_names"
SHARED: Dict[str, Dict[str, Any]] = {
    "trust_store": {"type": "str"},
    EXPIRED: {"type": "bool", "default": False},
    NAMES: {"type": "bool", "default": False},
    **{name: spec for name, spec in aws.ONE.items() if name != "region"},
}


def facts_of(mode: str, trust_store: str, said: Mapping[str, Any]) -> Dict[str, Any]:
    """What a place says of its verification; the two options only where there is a trust store that they are about."""
    return {
        "mode": mode,
        "trust_store": trust_store,
        EXPIRED: bool(trust_store and said.get(EXPIRED)),
        NAMES: bool(trust_store and said.get(NAMES)),
    }
