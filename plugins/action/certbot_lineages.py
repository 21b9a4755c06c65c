# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of certbot_lineages: keys come back sealed to a key of this process, and go into the secret store."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.edge import batch_result, failure_message, new_run_id, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.plugin_utils.certbot_taking import Taking
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused, told
from ansible_collections.certops.clm.plugins.plugin_utils.sealing import Envelope
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted
from ansible_collections.certops.clm.plugins.plugin_utils.vault import remember

MODULE = "certops.clm.certbot_lineages"
NEVER_BY_THE_USER = ("seal", "seal_for")
ON_THE_SERVER = ("folder", "openssl")


class ActionModule(ActionBase):
    """Runs the module once to read, and once more for the keys when some are to be taken."""

    _supports_check_mode = True
    _supports_diff = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The result of the task."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        remember(self._loader)
        variables = dict(task_vars or {})
        try:
            args = validated(self)
            given = [name for name in NEVER_BY_THE_USER if name in self._task.args]
            if given:
                raise ConfigError("is set by the action plugin alone", field=given[0])
            read = self._module(args, variables)
            done = read if read.get("failed") or not args["take"] else self._take(args, read, variables)
            return told({**result, **done}, self._task.args)
        except ClmError as error:
            return {**result, "outcomes": {}, **refused(error, self._task.args)}

    def _module(self, args: Mapping[str, Any], variables: Dict[str, Any], **more: Any) -> Dict[str, Any]:
        own = {name: args[name] for name in ON_THE_SERVER}
        result: Dict[str, Any] = self._execute_module(module_name=MODULE, module_args={**own, **more}, task_vars=variables)
        return result

    def _take(self, args: Mapping[str, Any], read: Dict[str, Any], variables: Dict[str, Any]) -> Dict[str, Any]:
        if not args["manifest"]:
            raise ConfigError("is needed to take something", field="manifest")
        server, run_id = str(variables.get("inventory_hostname") or ""), str(args["run_id"] or new_run_id())
        taking = Taking(load(args["manifest"]), untrusted(read), server, args["take"], args["accounts"])
        outcomes = taking.planned()
        wanted = taking.wanted(outcomes)
        if wanted and not self._task.check_mode:
            outcomes.update(taking.take(self._keys(args, wanted, variables), run_id))
        result = {**read, **batch_result(outcomes, diff=bool(self._task.diff))}
        message = failure_message(outcomes)
        return {**result, "failed": True, "msg": message} if message else result

    def _keys(self, args: Mapping[str, Any], wanted: List[Dict[str, str]], variables: Dict[str, Any]) -> Callable[[str], Secret]:
        """What gives the key of an id that was wanted; what the server sends goes no further than here."""
        envelope = Envelope(utc_now)
        answer = self._module(args, variables, seal=wanted, seal_for=envelope.recipient_pem)
        if answer.get("failed"):
            raise ClmError(f"the server did not seal its keys: {str(answer.get('msg'))[:300]}")
        rows = answer.get("sealed") if isinstance(answer.get("sealed"), list) else []
        sealed = {str(row.get("id")): row for row in rows if isinstance(row, dict)}

        def key(name: str) -> Secret:
            row = sealed.get(name) or {}
            if "sealed" not in row:
                raise ClmError(str(row.get("error") or "the server sent no key")[:400], hint="look at certbot's folder on the server")
            return envelope.open(row["sealed"])

        return key
