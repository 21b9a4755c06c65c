# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACM's managed renewal, which begins some six weeks before the end (https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Optional

from ..x509.certificate import Certificate
from ._acm_api import ISSUED, Api
from ._powers import Hint

OURS = "AMAZON_ISSUED"
FAILED = ("FAILED", "PENDING_VALIDATION")  # it could not, or it waits for records that are not there


def renewal(api: Api, ref: str, certificate_pem: str, now: datetime) -> Optional[Hint]:
    """Alone until a tenth of the life is left, as long as ACM may renew it and has not failed to; None where it is left to us.

    To be asked by every run, for what ACM renews is served at once; one listing answers for all certificates.
    """
    row, leaf = api.listed().get(ref, {}), Certificate.from_pem(certificate_pem)
    if row.get("Type") != OURS or row.get("Status") != ISSUED or leaf.not_before is None or leaf.not_after is None:
        return None
    if _second(row.get("NotBefore")) != leaf.not_before:
        found = api.chain(ref).leaf
        if found.sha256 != leaf.sha256:
            start = min(found.not_before or now, now - timedelta(seconds=1))
            return Hint(start, now, now, successor=found.sha256)
    if row.get("RenewalEligibility") != "ELIGIBLE":
        return None
    life = leaf.not_after - leaf.not_before
    if leaf.not_after - now < life / 3 and (api.describe(ref).get("RenewalSummary") or {}).get("RenewalStatus") in FAILED:
        return None
    return Hint(leaf.not_before, leaf.not_after - life / 10, now, alone=True)


def _second(when: Any) -> Optional[datetime]:
    return when.astimezone(timezone.utc).replace(microsecond=0) if isinstance(when, datetime) else None
