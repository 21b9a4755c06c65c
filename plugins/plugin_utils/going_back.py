# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store as it will be once lineages have gone back: by this a rollback is planned before anything is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import StoredVersion
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Versions

Outcomes = Mapping[str, Mapping[str, Any]]


class GoneBack:
    """Reads a store as though the outcomes that `lineage_version` planned were done, and what it leaves were rejected."""

    def __init__(self, store: Versions, outcomes: Outcomes) -> None:
        self._store = store
        self._moves: Dict[str, Tuple[str, str]] = {name: ends(outcome) for name, outcome in outcomes.items()}

    def current(self, lineage: str) -> Optional[str]:
        """The version that is gone back to, else the store's own."""
        _left, taken = self._moves.get(lineage, ("", ""))
        return taken or self._store.current(lineage)

    def versions(self, lineage: str) -> List[StoredVersion]:
        """The store's own, where the version that is left is rejected, and the one that is taken no more."""
        left, taken = self._moves.get(lineage, ("", ""))
        states = {left: "rejected"} if left > taken else {}
        found = [replace(one, state=states.get(one.version, one.state)) for one in self._store.versions(lineage)]
        return [replace(one, state="issued") if one.version == taken and one.state == "rejected" else one for one in found]


def ends(outcome: Mapping[str, Any]) -> Tuple[str, str]:
    """The version that a lineage leaves and the one that it takes, both the same when it is there already."""
    left, taken = (str((outcome.get(side) or {}).get("version") or "") for side in ("before", "after"))
    return left, taken
