# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a place is to be given the wanted certificate: judged by what it serves, never by what was put there."""

from __future__ import annotations

from datetime import datetime
from typing import Collection, List, Optional, Sequence

from ..outcome import Reason
from ..x509.certificate import Certificate, rfc3339

FOREIGN = "foreign"


def reason_to_deploy(
    served: Sequence[Certificate],
    wanted: Sequence[Certificate],
    known: Collection[str],
    *,
    now: Optional[datetime] = None,
    chain_seen: bool = True,
) -> Optional[Reason]:
    """Why the wanted chain is to be deployed where `served` was seen, leaf first; None when it is there and whole.

    `known` holds the SHA-256s of the lineage's own versions: what is served and not among them is `foreign`. `now` None: that
    the served one has expired is not said. `chain_seen` false: only the leaf could be seen, so nothing is said of the rest.
    """
    if not wanted:
        return None
    if not served:
        return Reason("not_served", f"nothing is served, wanted is {_shown(wanted[0])}")
    leaf = served[0]
    if leaf.sha256 != wanted[0].sha256:
        return _another(leaf, wanted[0], known, now)
    missing = _missing(served, wanted) if chain_seen else []
    if missing:
        names = ", ".join(repr(one.subject or one.sha256[:16]) for one in missing[:3])
        return Reason("incomplete_chain", f"{_shown(leaf)} is served without {names}")
    return None


def _another(leaf: Certificate, wanted: Certificate, known: Collection[str], now: Optional[datetime]) -> Reason:
    dead = ""
    if now is not None and leaf.not_after is not None and now > leaf.not_after:
        dead = f", which expired at {rfc3339(leaf.not_after)}"
    if leaf.sha256 in known:
        return Reason("not_served", f"another version is served, {_shown(leaf)}{dead}; wanted is {_shown(wanted)}")
    return Reason(FOREIGN, f"what is served is no version of this lineage, {_shown(leaf)}{dead}; wanted is {_shown(wanted)}")


def _missing(served: Sequence[Certificate], wanted: Sequence[Certificate]) -> List[Certificate]:
    """The wanted intermediates that were not sent; another certificate of the same CA key does as well (a cross-sign)."""
    sent = {(one.subject, one.spki_sha256) for one in served}
    return [one for one in wanted[1:] if (one.subject, one.spki_sha256) not in sent and not one.self_issued]


def _shown(certificate: Certificate) -> str:
    return f"SHA-256 {certificate.sha256[:16]}..."
