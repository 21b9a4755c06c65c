# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last look at a wave: what is told of each deployment, and the observations that report and inventory read."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.outcome import ROLLED_BACK
from ansible_collections.certops.clm.plugins.module_utils.probe import Observation
from ansible_collections.certops.clm.plugins.plugin_utils.observing import endpoint_row
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import Probe, endpoints_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict

Seen = Mapping[str, Sequence[Observation]]
Rows = Mapping[str, Mapping[str, Any]]


def look_again(plan: Mapping[str, Any], probe: Probe) -> Tuple[Dict[str, List[Observation]], str]:
    """What every endpoint of the wave shows now, by its key, and what hindered the look: never an error, for much is to be told yet."""
    endpoints = {endpoint.key: endpoint for item in plan["items"] for endpoint in endpoints_of(plan, item)}
    try:
        return dict(zip(endpoints, probe(list(endpoints.values())))), ""
    except (ClmError, OSError) as error:
        return {}, f"What is served after this wave was not looked at: {error}"


def still_there(rows: Rows, plan: Mapping[str, Any], outcomes: Mapping[str, OutcomeDict]) -> Dict[str, Mapping[str, Any]]:
    """What servers saw in this wave, without the endpoints of what was put back since: there the look before the wave is the truer one."""
    back = {host for host, outcome in outcomes.items() if outcome["state"] == ROLLED_BACK or outcome["step"] == "restore"}
    gone = {endpoint.key for host in back & set(plan["items"]) for endpoint in endpoints_of(plan, host)}
    return {key: row for key, row in rows.items() if key not in gone}


def remember(path: str, seen: Seen, by_servers: Rows) -> None:
    """Put what was seen into the observations file: where the controller cannot look, what its server saw in this wave, or before."""
    try:
        data = json.loads(files.read(path, limit=1 << 30))
    except NotFoundError:
        return
    for key in {**by_servers, **seen}:
        observations = seen.get(key, ())
        if any(one.sha256 for one in observations):
            data["endpoints"][key] = endpoint_row(observations)
        elif key in by_servers:
            data["endpoints"][key] = by_servers[key]
        else:
            data["endpoints"].setdefault(key, endpoint_row(observations))
    files.write(path, json.dumps(data, sort_keys=True, indent=1).encode(), mode=0o644)
