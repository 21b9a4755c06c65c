# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of server_deployment: hands keys over by a pipe, never in module arguments or files of Ansible."""

from __future__ import annotations

import json
import shlex
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.edge import failure_message, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.outcome import FAILED, STATES, Outcome, as_dicts, failed
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores
from ansible_collections.certops.clm.plugins.plugin_utils.edge import provider_options
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused, told
from ansible_collections.certops.clm.plugins.plugin_utils.vault import remember

MODULE = "certops.clm.server_deployment"
Missing = Dict[str, Outcome]
NOTHING_CHANGED = "nothing was changed there"
NEXT = "see that the secret store has this key and can be read, then run again: the others are deployed"
NEVER_BY_THE_USER = ("hand_over", "staged_keys")
TOGETHER = 100  # keys through one pipe: their commands stay far below the length that a shell takes


class ActionModule(ActionBase):
    """Runs the module once when the server needs no key, and else once before and once after the keys were handed over."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        remember(self._loader)
        recovered: List[str] = []
        try:
            result.update(self._deploy(dict(task_vars or {}), recovered))
        except ClmError as error:
            result.update(outcomes={}, **refused(error, self._task.args))
        if recovered:
            result["recovered"] = recovered
        return told(result, self._task.args, "deploy")

    def _deploy(self, task_vars: Dict[str, Any], recovered: List[str]) -> Dict[str, Any]:
        """The module's result; into `recovered` goes what any of its calls reported as such, also when a later one fails."""
        args = {**self._task.args, "deployments": deployments_of(self._task.args)}
        given = [name for name in NEVER_BY_THE_USER if name in args]
        if given:
            raise ConfigError("is set by the action plugin alone", field=given[0])
        store = args.pop("secret_store", None)
        handing = args.get("state", "present") == "present" and bool(store) and not self._task.check_mode
        first = self._module({**args, "hand_over": handing}, task_vars)
        recovered += _texts(first.get("recovered"))
        paths = first.get("need_keys")
        if not paths:
            return first
        self._refuse_connections_without_pipes(paths)
        result: Dict[str, Any] = {"failed": True}
        missing: Missing = {}
        try:
            missing = self._hand_over(args["deployments"], store, paths)
            able = [item for item in args["deployments"] if str(item.get("id")) not in missing]
            if able:
                staged = {name: path for name, path in paths.items() if name not in missing}
                result = self._module({**args, "deployments": able, "staged_keys": staged}, task_vars)
                recovered += [text for text in _texts(result.get("recovered")) if text not in recovered]
            else:
                result = {**first, "outcomes": {}}
                result.pop("need_keys")
            return _with_missing(result, args["deployments"], missing)
        finally:
            if result.get("failed") or missing:
                self._remove(list(paths.values()))

    def _module(self, args: Mapping[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        result: Dict[str, Any] = self._execute_module(module_name=MODULE, module_args=dict(args), task_vars=task_vars)
        result.pop("invocation", None)  # all deployments over again, each value of which Ansible would walk several times
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

    def _hand_over(self, deployments: Sequence[Mapping[str, Any]], options: Mapping[str, Any], paths: Mapping[str, str]) -> Missing:
        """Hand over each key that is needed; what could not be is an answer for its deployment, and costs no other its key."""
        store = secret_stores.create(options.get("type"), provider_options(secret_stores, options, "secret_store"), utc_now)
        missing: Missing = {}
        keys: Dict[str, Secret] = {}
        for item in deployments:
            name = str(item.get("id"))
            try:
                if name in paths:
                    keys[name] = store.key(_key_ref(store, item))
            except (ClmError, OSError) as error:
                missing[name] = _not_handed_over(name, error)
        names = list(keys)
        for some in (names[start : start + TOGETHER] for start in range(0, len(names), TOGETHER)):
            if len(some) == 1 or not self._pipe_together([(keys[name], paths[name]) for name in some]):
                missing.update(self._one_by_one({name: keys[name] for name in some}, paths))
        return missing

    def _one_by_one(self, keys: Mapping[str, Secret], paths: Mapping[str, str]) -> Missing:
        missing: Missing = {}
        for name, key in keys.items():
            try:
                self._pipe(key, paths[name])
            except (ClmError, OSError) as error:
                missing[name] = _not_handed_over(name, error)
        return missing

    def _pipe(self, key: Secret, path: str) -> None:
        """The key into a new private file on the server: the shell's noclobber makes it with O_EXCL."""
        done = self._low_level_execute_command(f"set -C; umask 077; cat > {shlex.quote(path)}", in_data=key.reveal())
        if done.get("rc") != 0:
            problem = " ".join(str(done.get("stderr", "")).split())[:300]
            raise ClmError(f"writing {path} failed: {problem}")

    def _pipe_together(self, keys: Sequence[Tuple[Secret, str]]) -> bool:
        """Several keys through one pipe, each into a new private file of its own; after a False no file of any of them is there.

        dd by single bytes takes exactly its own key from a pipe; head may read ahead and cat ends only where the pipe does.
        """
        parts = [f"dd bs=1 count={len(key.reveal())} > {shlex.quote(path)} 2> /dev/null" for key, path in keys]
        data = b"".join(key.reveal() for key, _path in keys)
        done = self._low_level_execute_command("set -C; umask 077; " + " && ".join(parts), in_data=data)
        if done.get("rc") == 0:
            return True
        self._remove([path for _key, path in keys])
        return False

    def _remove(self, paths: List[str]) -> None:
        """The module removes what it was given; this is for a hand-over or a module that failed on its way."""
        self._low_level_execute_command("rm -f -- " + " ".join(shlex.quote(path) for path in paths))


def deployments_of(args: Mapping[str, Any]) -> Any:
    """The deployments of the task, also where they are the JSON text that a step of a wave hands on."""
    given = args.get("deployments")
    return json.loads(given) if isinstance(given, str) and given.startswith("[") else given


def _not_handed_over(name: str, error: Union[ClmError, OSError]) -> Outcome:
    text = str(error) if isinstance(error, ClmError) else f"{error.strerror or error} ({error.filename or 'no file'})"
    return failed("hand_over", ClmError(f"{name}: its key could not be handed over to the server, {NOTHING_CHANGED}: {text}", hint=NEXT))


def _with_missing(result: Dict[str, Any], deployments: Sequence[Mapping[str, Any]], missing: Missing) -> Dict[str, Any]:
    """The module's result with the outcomes of those that it was not given, in the order of the task."""
    if not missing:
        return result
    given = result.get("outcomes") if isinstance(result.get("outcomes"), dict) else {}
    outcomes = {**as_dicts(missing), **given}
    ordered = {str(item.get("id")): outcomes[str(item.get("id"))] for item in deployments if str(item.get("id")) in outcomes}
    message = failure_message({name: _outcome(outcome) for name, outcome in ordered.items()})
    if result.get("failed") and not given:  # the module itself failed
        message = "; ".join(filter(None, (str(result.get("msg") or ""), message)))
    return {**result, "outcomes": ordered, "failed": True, "msg": message}


def _outcome(found: Any) -> Outcome:
    """What a server said of an item, as far as a message needs it; it may have said anything."""
    said = found if isinstance(found, dict) else {}
    state = said.get("state") if said.get("state") in STATES else FAILED
    return Outcome(str(state), str(said.get("step")), message=str(said.get("message")), next_action=str(said.get("next_action") or ""))


def _texts(value: Any) -> List[str]:
    return [str(text) for text in value] if isinstance(value, list) else []


def _key_ref(store: SecretStore, item: Mapping[str, Any]) -> KeyRef:
    version = item.get("version") or {}
    for name in ("lineage", "version", "spki_sha256"):
        if not version.get(name):
            raise ConfigError(f"{item.get('id')}: its key cannot be found without it", field=f"deployments.version.{name}")
    return KeyRef(store.identity(), str(version["lineage"]), str(version["version"]), str(version["spki_sha256"]))
