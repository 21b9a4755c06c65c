# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs that an issuer handed out for a version: remembered with it, so that a later run withdraws what a killed one left published."""

from __future__ import annotations

from typing import Any, Dict, List

from ..contracts import Pending, StoredVersion

HANDED = "challenges"


def handed_out(version: StoredVersion, answer: Pending) -> List[Dict[str, Any]]:
    """Every proof that was ever handed out for the version, those of the answer last."""
    fresh = [dict(one) for one in answer.challenges]
    return [one for one in version.meta.get(HANDED, ()) if one not in fresh] + fresh


def left_behind(version: StoredVersion, run_id: str) -> Dict[str, Any]:
    """What an earlier run may have left published for the version, as `withdraw`; this run's own is known to whoever published it."""
    handed = version.meta.get(HANDED)
    return {"withdraw": [dict(one) for one in handed]} if handed and version.meta.get("run_id") != run_id else {}
