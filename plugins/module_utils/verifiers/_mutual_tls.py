# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verifiers of AWS share: the facts of a place, the two options beside its mode and its trust store, and which one that is."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .. import aws
from ..errors import ClmError, NotFoundError

EXPIRED, NAMES = "ignore_client_certificate_expiry", "advertise_trust_store_ca_names"
SHARED: Dict[str, Dict[str, Any]] = {
    "trust_store": {"type": "str"},
    EXPIRED: {"type": "bool", "default": False},
    NAMES: {"type": "bool", "default": False},
    **aws.ACCESS,
}


def facts_of(mode: str, trust_store: str, said: Mapping[str, Any]) -> Dict[str, Any]:
    """What a place says of its verification; the two options only where there is a trust store that they are about."""
    return {
        "mode": mode,
        "trust_store": trust_store,
        EXPIRED: bool(trust_store and said.get(EXPIRED)),
        NAMES: bool(trust_store and said.get(NAMES)),
    }


def in_force(name: str, row: Optional[Mapping[str, Any]], check_mode: bool, *, key: str, active: str, made_by: str) -> str:
    """What AWS calls the trust store of that name, which is `active`; in check mode a task before this one may be going to make it."""
    if row is None and check_mode:
        return name
    if row is None:
        raise NotFoundError(f"there is no trust store {name[:200]}", hint=f"make it first, with {made_by}", field="trust_store")
    if row.get("Status") != active:
        text = f"{name[:200]} is {str(row.get('Status'))[:80]} and not in force"
        raise ClmError(text, hint=f"wait until it is {active}, then run again", field="trust_store")
    return str(row[key])
