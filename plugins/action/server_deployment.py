# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of server_deployment: hands keys over by a pipe, never in module arguments or files of Ansible."""

from __future__ import annotations

import shlex
from typing import Any, Dict, List, Mapping, Optional

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.edge import error_result, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores
from ansible_collections.certops.clm.plugins.plugin_utils.edge import provider_options

MODULE = "certops.clm.server_deployment"
NEVER_BY_THE_USER = ("hand_over", "staged_keys")


class ActionModule(ActionBase):
    """Runs the module once when the server needs no key, and else once before and once after the keys were handed over."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            result.update(self._deploy(dict(task_vars or {})))
        except ClmError as error:
            result.update(failed=True, changed=False, outcomes={}, **error_result(error))
        return result

    def _deploy(self, task_vars: Dict[str, Any]) -> Dict[str, Any]:
        args = dict(self._task.args)
        given = [name for name in NEVER_BY_THE_USER if name in args]
        if given:
            raise ConfigError("is set by the action plugin alone", field=given[0])
        store = args.pop("secret_store", None)
        handing = args.get("state", "present") == "present" and bool(store) and not self._task.check_mode
        first = self._module({**args, "hand_over": handing}, task_vars)
        paths = first.get("need_keys")
        if not paths:
            return first
        self._refuse_connections_without_pipes(paths)
        result: Dict[str, Any] = {"failed": True}
        try:
            self._hand_over(args["deployments"], store, paths)
            result = self._module({**args, "staged_keys": paths}, task_vars)
        finally:
            if result.get("failed"):
                self._remove(list(paths.values()))
        return result

    def _module(self, args: Mapping[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        result: Dict[str, Any] = self._execute_module(module_name=MODULE, module_args=dict(args), task_vars=task_vars)
        return result

    def _refuse_connections_without_pipes(self, paths: Mapping[str, str]) -> None:
        become = self._connection.become
        way = ""
        if not getattr(self._connection, "has_pipelining", False):
            way = f"connection {self._connection.transport}"
        elif become and (become.name == "su" or not getattr(become, "pipelining", True)):  # it wants a terminal
            way = f"become method {become.name}"
        if way:
            raise ClmError(
                f"the {way} cannot pipe the keys of {', '.join(sorted(paths))} to the server; a key is never put into a file of Ansible",
                hint="use a connection and become method that support pipelining (ssh or local, with sudo), or set key_origin: host",
            )

    def _hand_over(self, deployments: List[Mapping[str, Any]], options: Mapping[str, Any], paths: Mapping[str, str]) -> None:
        """Each key from the secret store into a new private file: the shell's noclobber makes it with O_EXCL."""
        store = secret_stores.create(options["type"], provider_options(secret_stores, options, "secret_store"), utc_now)
        for item in deployments:
            path = paths.get(str(item.get("id")))
            if path is None:
                continue
            key = store.key(_key_ref(store, item))
            done = self._low_level_execute_command(f"set -C; umask 077; cat > {shlex.quote(path)}", in_data=key.reveal())
            if done.get("rc") != 0:
                problem = " ".join(str(done.get("stderr", "")).split())[:300]
                raise ClmError(f"{item['id']}: the key could not be handed over to {path}: {problem}", hint="run again")

    def _remove(self, paths: List[str]) -> None:
        """The module removes what it was given; this is for a hand-over or a module that failed on its way."""
        self._low_level_execute_command("rm -f -- " + " ".join(shlex.quote(path) for path in paths))


def _key_ref(store: SecretStore, item: Mapping[str, Any]) -> KeyRef:
    version = item.get("version") or {}
    for name in ("lineage", "version", "spki_sha256"):
        if not version.get(name):
            raise ConfigError(f"{item.get('id')}: its key cannot be found without it", field=f"deployments.version.{name}")
    return KeyRef(store.identity(), str(version["lineage"]), str(version["version"]), str(version["spki_sha256"]))
