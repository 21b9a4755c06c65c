# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same edge for action plugins: spec from the documentation, validation, one translation of errors."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Mapping, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import fragment_loader, module_loader
from ansible.utils import plugin_docs

from ansible_collections.certops.clm.plugins.module_utils.edge import (
    batch_result,
    failure_message,
    provider_options,
    validate,
)
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.vault import remember

__all__ = ["documented_options", "provider_options", "run_action", "spec_of", "validate", "validated"]

Work = Callable[[Mapping[str, Any], bool], Mapping[str, Outcome]]
COPIED = ("type", "elements", "required", "default", "choices")


def spec_of(options: Mapping[str, Mapping[str, Any]], loose: Iterable[str] = ()) -> Dict[str, Dict[str, Any]]:
    """The argument spec that a module's documented options describe.

    `loose` names options whose suboptions are left to the flow, which judges each item by itself: one wrong item then
    fails alone, and 10,000 items are not walked by Ansible's validator first.
    """
    spec: Dict[str, Dict[str, Any]] = {}
    for name, option in options.items():
        spec[name] = {key: option[key] for key in COPIED if key in option}
        if "suboptions" in option and name not in loose:
            spec[name]["options"] = spec_of(option["suboptions"])
    return spec


def documented_options(fqcn: str) -> Dict[str, Any]:
    """The options in the DOCUMENTATION of the module file of that name, fragments included."""
    found = module_loader.find_plugin_with_context(fqcn)
    if not found.resolved:
        raise AnsibleActionFail(f"no module file documents {fqcn}")
    doc = plugin_docs.get_docstring(found.plugin_resolved_path, fragment_loader, collection_name="certops.clm", plugin_type="module")[0]
    options: Dict[str, Any] = doc["options"]
    return options


def validated(action: ActionBase, loose: Iterable[str] = (), given: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
    """The task's arguments, or what is `given` for them, validated against the documentation of the module file of its name."""
    loose = tuple(loose)
    args = dict(action._task.args if given is None else given)
    kept = {name: args[name] for name in loose if isinstance(args.get(name), list)}
    spec = spec_of(documented_options("certops.clm." + type(action).__module__.rsplit(".", 1)[-1]), loose)
    checked = validate(spec, {name: [] if name in kept else value for name, value in args.items()})
    return {**checked, **kept}


def run_action(action: ActionBase, work: Work, loose: Iterable[str] = (), runbook: str = "refused") -> Dict[str, Any]:
    """The action's result: outcomes by id from `work(params, check_mode)`.

    Fails at the end when an item failed, carrying all outcomes. An error of the whole call is under `error`, with empty outcomes;
    `runbook` names the page for one that names none.
    """
    remember(action._loader)
    args = action._task.args
    try:
        outcomes = work(validated(action, loose), bool(action._task.check_mode))
    except (ClmError, OSError) as error:
        from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused  # with all that reads a manifest

        return {"outcomes": {}, **refused(error, args, runbook)}
    result = batch_result(outcomes, diff=bool(action._task.diff))
    message = failure_message(outcomes)
    if not message:
        return result
    from ansible_collections.certops.clm.plugins.plugin_utils.refusing import told

    return told({**result, "failed": True, "msg": message}, args, runbook)
