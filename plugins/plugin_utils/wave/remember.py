# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping what a wave left behind: the observations that report and inventory read are those of after the wave."""

from __future__ import annotations

import json
from typing import Any, Mapping

from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils.errors import NotFoundError
from ansible_collections.certops.clm.plugins.plugin_utils.observing import endpoint_row
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import Probe, endpoints_of


def remember(path: str, plan: Mapping[str, Any], probe: Probe) -> None:
    """Look once more at every endpoint of the wave, and put what is seen into the observations file.

    An endpoint that the controller cannot look at keeps what its server saw before.
    """
    try:
        data = json.loads(files.read(path, limit=1 << 30))
    except NotFoundError:
        return
    endpoints = {endpoint.key: endpoint for item in plan["items"] for endpoint in endpoints_of(plan, item)}
    for key, observations in zip(endpoints, probe(list(endpoints.values()))):
        if any(seen.sha256 for seen in observations) or key not in data["endpoints"]:
            data["endpoints"][key] = endpoint_row(observations)
    files.write(path, json.dumps(data, sort_keys=True, indent=1).encode(), mode=0o644)
