# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at everything that the manifest names, and keeps what was seen."""

from __future__ import annotations

import functools
import json
from typing import Any, Dict, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils.edge import batch_result, error_result, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.probe import probe_many
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.observing import observe, outcomes
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted


class ActionModule(ActionBase):
    """Reads the world and writes one file of the controller; it never fails for what it could not see."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            result.update(_look(validated(self)))
        except ClmError as error:
            result.update(failed=True, **error_result(error))
        return result


def _look(args: Mapping[str, Any]) -> Dict[str, Any]:
    manifest = load(args["manifest"])
    prober = functools.partial(probe_many, timeout=args["timeout"], concurrency=args["concurrency"])
    data = observe(manifest, untrusted(args["servers"]), prober, utc_now)
    files.write(manifest.observations, json.dumps(data, sort_keys=True, indent=1).encode(), mode=0o644)
    seen = outcomes(data)
    return {
        **batch_result(seen),
        "changed": False,  # a look changes nothing, whatever it sees
        "observations": manifest.observations,
        "blind": Observations.parse(data).blind_at(),
    }
