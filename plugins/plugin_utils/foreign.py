# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that somebody else brought: who, when, how long they live, and whether they are ours to replace."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Collection, Mapping, Optional

from ansible_collections.certops.clm.plugins.module_utils.managers import manager_of
from ansible_collections.certops.clm.plugins.module_utils.outcome import Reason
from ansible_collections.certops.clm.plugins.module_utils.policy.deployment import FOREIGN
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate, rfc3339

MAX_TEXT = 200


def first_foreign(leaf: Optional[Certificate], known: Collection[str]) -> Optional[Reason]:
    """Why a lineage that has no version yet is not simply given one: something is served already; None when nothing is."""
    if leaf is None or leaf.sha256 in known:
        return None
    return Reason(FOREIGN, f"something is served already, SHA-256 {leaf.sha256[:16]}..., which no version of this lineage is")


def described(reason: Reason, leaf: Optional[Certificate], where: Mapping[str, Any]) -> Reason:
    """The reason with who issued it, who keeps it, since when, and until when it holds."""
    parts = []
    if leaf is not None:
        dates = [rfc3339(when) if when else "a date that cannot be read" for when in (leaf.not_before, leaf.not_after)]
        parts.append(f"issued by {leaf.issuer[:MAX_TEXT] or 'nobody named'} at {dates[0]}, valid until {dates[1]}")
    if where.get("written_at"):
        parts.append(f"its file was written at {where['written_at']} by {where.get('file_owner', 'somebody')}")
    manager = manager_of(where)
    if manager:
        parts.append(f"{manager} keeps it")
    return Reason(reason.word, "; ".join((reason.sentence, *parts)))


def is_held(leaf: Optional[Certificate], where: Mapping[str, Any], take_over: bool, now: datetime) -> bool:
    """True when a foreign certificate is left alone: `take_over` frees it, expiry does too unless a manager keeps it."""
    if take_over:
        return False
    expired = leaf is not None and leaf.not_after is not None and leaf.not_after < now
    return bool(manager_of(where)) or not expired
