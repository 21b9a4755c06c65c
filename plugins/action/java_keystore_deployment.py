# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Java keystores as server_deployment deploys them: this only says it in a keystore's words."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.certops.clm.plugins.action.server_deployment import ActionModule as ServerDeployment
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.keystores import FORMATS

STATES = ("present", "restored", "committed")
OF_THE_TARGET = ("alias", "password_file", "former_password_file", "owner", "group", "check", "reload")
AS_THEY_ARE = ("id", "endpoints", "version", "key_origin", "dead", "slot", "allow_no_rollback")
REQUIRED = ("id", "path", "password_file", "reload", "endpoints")


class ActionModule(ServerDeployment):
    """Runs server_deployment with its `keystores` as deployments; keys go the same way, and the outcomes are the same."""

    def _deploy(self, task_vars: Dict[str, Any], recovered: List[str]) -> Dict[str, Any]:
        args = dict(self._task.args)
        if args.get("state", "present") not in STATES:
            raise ConfigError(f"{args['state']!r} is none of {', '.join(STATES)}", field="state")
        if "deployments" in args:
            raise ConfigError("there is no such option, keystores has the deployments", field="deployments")
        keystores = args.pop("keystores", None)
        if not isinstance(keystores, list) or not keystores:
            raise ConfigError("at least one keystore belongs here", field="keystores")
        self._task.args = {**args, "deployments": [deployment(one, f"keystores[{at}]") for at, one in enumerate(keystores)]}
        return super()._deploy(task_vars, recovered)


def deployment(keystore: Any, field: str) -> Dict[str, Any]:
    """The deployment of one keystore; ConfigError names what is missing or unknown."""
    if not isinstance(keystore, Mapping):
        raise ConfigError("a dictionary belongs here", field=field)
    for name in REQUIRED:
        if not keystore.get(name):
            raise ConfigError("is needed", field=f"{field}.{name}")
    unknown = sorted(set(keystore) - {"path", "format", "mode", *OF_THE_TARGET, *AS_THEY_ARE})
    if unknown:
        raise ConfigError(f"unknown fields: {', '.join(map(str, unknown))}", field=field)
    layout = keystore.get("format") or FORMATS[0]
    if layout not in FORMATS:
        raise ConfigError(f"{layout!r} is none of {', '.join(FORMATS)}", field=f"{field}.format")
    target = {name: keystore[name] for name in OF_THE_TARGET if keystore.get(name) is not None}
    target.update(kind="generic", layout=layout, certificate_file=keystore["path"])
    if keystore.get("mode") is not None:
        target["key_mode"] = keystore["mode"]
    return {"target": target, **{name: keystore[name] for name in AS_THEY_ARE if keystore.get(name) is not None}}
