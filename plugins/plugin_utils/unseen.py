# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of which nobody knows what they serve, though their servers may all have answered. Pure.

That a server names a certificate in its configuration says nothing of what clients get from it.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Deployment
from ansible_collections.certops.clm.plugins.module_utils.observations import ANSWERED, Observations, Seen, chain_der

REFUSED = "refused"
NEVER = Seen("", "", error="nobody has looked yet")


def unseen(deployments: Iterable[Deployment], seen: Observations, *, strict: bool = False) -> Iterator[Tuple[Deployment, str]]:
    """Each deployment with one sentence for each of its endpoints that somebody should have seen and did not.

    What was kept from an earlier look because this one was of a part of the inventory is not judged, and an address that refused to
    show a certificate was seen: it serves none that is good. With `strict` neither is enough to know what is served.
    """
    for deployment in deployments:
        look = seen.servers.get(deployment.server)
        if strict or look is None or not look.kept_from:
            for endpoint in deployment.endpoints:
                rows = seen.endpoints.get(endpoint.key) or (NEVER,)
                bad = next((row for row in rows if not shows(row) and (strict or row.answer != REFUSED)), None)
                if bad is not None:
                    yield deployment, f"{deployment.id}: {endpoint.label}: {why(bad)}"


def shows(row: Seen) -> bool:
    """True when somebody saw a certificate there."""
    if row.answer != ANSWERED or not row.chain_pem:
        return False
    try:
        return bool(chain_der(row.chain_pem))
    except (ClmError, ValueError):
        return False


def why(row: Seen) -> str:
    """Why nobody knows what is served at that address."""
    return row.error or ("what it sent cannot be read" if row.chain_pem else "no certificate was seen")
