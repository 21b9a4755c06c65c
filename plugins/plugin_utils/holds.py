# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long there is time, for a run that stops before anything is changed: which certificate that was seen to be served ends first."""

from __future__ import annotations

from datetime import datetime
from typing import Iterator, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, chain_der
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import leaf_facts
from ansible_collections.certops.clm.plugins.plugin_utils.wave.telling import Served, served_text

End = Tuple[datetime, str, str]


def first_end(manifest: Manifest, seen: Observations, now: datetime) -> str:
    """One sentence with lineage and place, also where nothing is known; it reads every chain, so it is for messages only."""
    first = min(_ends(manifest, seen), default=None)
    if first is None:
        return "Of what is served nothing is known."
    until, sha256, where = first
    return f"Of what was seen, this ends first, {where}. {served_text(Served(sha256, rfc3339(until)), now)}"


def _ends(manifest: Manifest, seen: Observations) -> Iterator[End]:
    for deployment in manifest.deployments:
        for endpoint in deployment.endpoints:
            for row in seen.endpoints.get(endpoint.key, ()):
                try:
                    facts = leaf_facts(chain_der(row.chain_pem[:1])[0])
                except (ClmError, ValueError, IndexError):
                    continue
                if facts.not_after is not None:
                    yield facts.not_after, facts.sha256, f"{deployment.lineage} at {endpoint.label}"
