# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cleanup takes from manifest and store about the copies that targets keep of each version, and the sentence for a person after."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import RETIRED, Clock, Dropper, SecretStore, Target, Where
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.cleanup import Tidied
from ansible_collections.certops.clm.plugins.module_utils.flows.cleanup_copies import Found, find
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.targets import _index as targets

CreateTarget = Callable[[str, Mapping[str, Any], Clock], Target]
WORDS = {"done": "deleted", "planned": "would be deleted", "in_use": "still in use", "retained": "within the retention", "failed": "failed"}


def places(manifest: Manifest, clock: Clock, create: CreateTarget = targets.create) -> Dict[str, List[Tuple[Dropper, Where]]]:
    """By lineage its deployments on targets that keep a copy of each version; one target for each kind, so that listings are shared."""
    made: Dict[str, Target] = {}
    found: Dict[str, List[Tuple[Dropper, Where]]] = {}
    for deployment in manifest.deployments:
        kind = str(deployment.target["type"])
        if deployment.server:
            continue
        target = made.setdefault(kind, create(kind, {}, clock))
        if isinstance(target, Dropper):
            where = {name: value for name, value in deployment.target.items() if name != "type"}
            where.update(id=deployment.id, lineage=deployment.lineage)
            found.setdefault(deployment.lineage, []).append((target, where))
    return found


def copies(
    lineages: Sequence[Tidied], known: Mapping[str, Sequence[Tuple[Dropper, Where]]], store: SecretStore
) -> Tuple[List[Found], Dict[str, str]]:
    """The copies of every version that is neither current nor wanted, or whose lineage has ended, and by ref the SHA-256 of each."""
    found: List[Found] = []
    for tidied in lineages:
        if not known.get(tidied.lineage):
            continue
        try:
            current, versions = store.current(tidied.lineage), store.versions(tidied.lineage)
        except ClmError:
            continue  # its versions have an outcome that says so
        ended = bool(versions) and versions[-1].state == RETIRED
        old = [one for one in versions if ended or (one.version != current and one.version not in tidied.wanted)]
        found.append(find(tidied.lineage, old, known[tidied.lineage], tidied.labels))
    return found, {copy.ref: copy.version.sha256 for one in found for copy in one.copies}


def foreign(lying: Mapping[str, Any], known: Mapping[str, str]) -> Dict[str, str]:
    """Why each SHA-256 stays that a source found lying somewhere, but for the copies that cleanup knows itself."""
    return {
        str(sha256): f"a source of the inventory found it: {str(ref)[:200]}" for ref, sha256 in lying.items() if known.get(ref) != sha256
    }


def ended(manifest: Manifest, names: Sequence[str]) -> List[Tidied]:
    """The lineages that have ended, as far as their copies are concerned: nothing of them is wanted."""
    return [Tidied(name, frozenset(), manifest.lineages[name].labels, frozenset()) for name in names]


def copies_said(outcomes: Mapping[str, Outcome]) -> str:
    """What was deleted and what was kept, empty where there are none."""
    counts: Dict[str, int] = {}
    for outcome in outcomes.values():
        word = outcome.reason.word if outcome.state == "unchanged" and outcome.reason else outcome.state
        counts[word] = counts.get(word, 0) + 1
    parts = [f"{count} {WORDS.get(word, word)}" for word, count in sorted(counts.items())]
    return f" Of the copies that targets keep of them: {', '.join(parts)}." if parts else ""
