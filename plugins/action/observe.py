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
from ansible_collections.certops.clm.plugins.module_utils.edge import batch_result, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import LARGEST, Observations
from ansible_collections.certops.clm.plugins.module_utils.probe import probe_many
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.estate import open_store
from ansible_collections.certops.clm.plugins.plugin_utils.hinting import refresh
from ansible_collections.certops.clm.plugins.plugin_utils.observing import observe, outcomes
from ansible_collections.certops.clm.plugins.plugin_utils.part import Part, keep_unasked, part_of_run
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused
from ansible_collections.certops.clm.plugins.plugin_utils.retired import retired_names, without
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
            result.update(_look(validated(self), part_of_run(self._loader, task_vars or {})))
        except ClmError as error:
            result.update(refused(error, self._task.args, "blind"))
        return result


def _look(args: Mapping[str, Any], part: Part) -> Dict[str, Any]:
    manifest = load(args["manifest"])
    store = open_store(manifest, utc_now)
    manifest = without(manifest, retired_names(manifest, store))
    prober = functools.partial(probe_many, timeout=args["timeout"], concurrency=args["concurrency"])
    data = observe(manifest, untrusted(args["servers"]), prober, utc_now, args["began"])
    if part:
        keep_unasked(data, _earlier(manifest.observations), args["servers"], part)
    files.write(manifest.observations, json.dumps(data, sort_keys=True, indent=1).encode(), mode=0o644)
    asked = refresh(manifest, store, utc_now)
    seen = outcomes(data)
    return {
        **batch_result(seen),
        "changed": False,  # a look changes nothing, whatever it sees
        "observations": manifest.observations,
        "hints": asked,
        "blind": Observations.parse(data).blind_at(),
    }


def _earlier(path: str) -> Mapping[str, Any]:
    """The look before this one as it stands in the file; what is damaged is written anew, as in a look at everything."""
    try:
        data = json.loads(files.read(path, LARGEST))
        Observations.parse(data)
    except (ClmError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
