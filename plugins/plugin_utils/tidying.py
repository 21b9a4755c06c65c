# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cleanup and retire take from manifest, store and ledger before their flows begin, and the sentence for a person after."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any, Dict, List, Mapping

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, Issuer, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows._cleanup_dates import Dates
from ansible_collections.certops.clm.plugins.module_utils.flows._ending import Revokers
from ansible_collections.certops.clm.plugins.module_utils.flows.cleanup import Tidied
from ansible_collections.certops.clm.plugins.module_utils.ledger import read
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import FAILED, Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing, standings
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_issuer

WORDS = {
    "done": "dropped",
    "planned": "would be dropped",
    "in_use": "still in use",
    "retained": "within the retention",
    "waiting": "waiting for a certificate",
    "undated": "without a date in the ledger",
    "damaged": "damaged",
    "failed": "failed",
}


def revokers(manifest: Manifest, clock: Clock) -> Revokers:
    """The manifest's issuers; one that cannot be opened revokes nothing, and its certificates say so."""
    opened: List[Issuer] = []
    for options in manifest.issuers.values():
        try:
            opened.append(open_issuer(options, clock))
        except ClmError:
            continue
    return Revokers(opened)


def dates(manifest: Manifest) -> Dates:
    """What the ledger says of each version; MalformedError when it is damaged."""
    folder = str(manifest.ledger["path"])
    return Dates(read(folder) if os.path.isdir(folder) else ())


def tidied(manifest: Manifest, store: SecretStore, now: datetime) -> Dict[str, Any]:
    """`lineages` to tidy up, and `errors` with an outcome for each that the store could not tell about."""
    found: List[Tidied] = []
    errors: Dict[str, Outcome] = {}
    for standing in standings(manifest, list(manifest.lineages.values()), store, now):
        if standing.error:
            errors[standing.lineage.name] = Outcome(FAILED, "cleanup", message=standing.error, next_action="mend it, then run again")
        else:
            found.append(_tidied(standing))
    return {"lineages": found, "errors": errors}


def _tidied(standing: Standing) -> Tidied:
    lineage = standing.lineage
    wanted = frozenset([standing.wanted.version]) if standing.wanted else frozenset()
    return Tidied(lineage.name, wanted, lineage.labels, frozenset(lineage.compromised))


def sentence(facts: Mapping[str, Any], others: int) -> str:
    """What was dropped, what was kept and why, and when there is something to drop next."""
    counts: Mapping[str, int] = facts["counts"]
    parts = [f"{count} {WORDS.get(word, word)}" for word, count in sorted(counts.items())]
    text = f"Of the versions that nobody wants: {', '.join(parts)}." if parts else "No version is there that nobody wants."
    text += f" The next can be dropped at {facts['next']}." if facts["next"] else " No date is known at which the next can be dropped."
    return text + (f" {others} lineages of the secret store are not in the manifest and were left alone." if others else "")
