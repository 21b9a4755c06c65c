# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's gate, read before anything is deployed.

An include that Ansible cannot load fails every host, or ends the whole run, whatever ignore_errors says; a task that says for
itself that its failure counts fails its host; a host that a meta task ends is green and has no verdict. In the middle of a wave
nobody would record, commit or put back. So all that a gate does stands in what is read here, and none of it may do that.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.block import Block
from ansible.playbook.helpers import load_list_of_blocks
from ansible.playbook.play import Play
from ansible.playbook.task_include import TaskInclude
from ansible.vars.manager import VariableManager

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError

FIELD = "rotate_gate_tasks"
END = "without a verdict nothing is recorded, and nothing is put back: let the gate fail instead"
ENDING = ("end_", "flush_handlers")  # a handler that fails is not spared by what the role says of the gate's tasks
WITH = {"include_tasks": "import_tasks", "include_role": "import_role"}
SPARED = ("ignore_errors", "ignore_unreachable")


def checked_gate(path: str, loader: Any, role: Any = None) -> str:
    """The absolute path of a tasks file that Ansible can load, empty when there is no gate; ConfigError says what is wrong."""
    if not path:
        return ""
    absolute = os.path.abspath(os.path.expanduser(path))
    known: Dict[str, Any] = {"role": role, "variable_manager": VariableManager(loader=loader), "loader": loader}
    try:
        data = loader.load_from_file(absolute) or []
        if not isinstance(data, list):
            raise ConfigError(f"{absolute} holds no list of tasks", field=FIELD)
        include = TaskInclude.load({"ansible.builtin.include_tasks": absolute}, **known)  # what it imports is looked for beside it
        blocks = load_list_of_blocks(data, play=Play(), parent_block=include.build_parent_block(), **known)
    except AnsibleError as error:
        raise ConfigError(f"{absolute} cannot be loaded: {' '.join(str(error).split())[:500]}", field=FIELD) from error
    for task in _tasks(blocks):
        said = _harm(task)
        if said:
            raise ConfigError(f"{absolute}: {said}", hint=_hint(task), field=FIELD)
    return absolute


def _harm(task: Any) -> str:
    """How the task could keep a host from its verdict; empty when it cannot."""
    words = str(task.args.get("_raw_params", ""))
    if task.action in constants._ACTION_META and words.startswith(ENDING):
        return f"the gate must not use meta: {words}"
    if task.action in constants._ACTION_ALL_INCLUDES:
        return f"the gate must not use {task.action}, for what it includes is not read before anything is deployed"
    if task.notify:
        return f"{task.get_name()}: the gate must not notify handlers, for one that is not there ends the run, and the others come too late"
    above = task
    while above is not None:
        for name in SPARED:
            own = getattr(above, f"_{name}", None)  # what it says itself; the role says true for all that say nothing
            if isinstance(own, (bool, int, str)) and not boolean(own, strict=False):
                return f"{task.get_name()}: the gate must not say {name}: {own}, for a host that fails there gets no verdict"
        above = above._parent
    return ""


def _hint(task: Any) -> str:
    other = WITH.get(task.action.rpartition(".")[2])
    return f"use {other} with the path or name written out" if other else END


def _tasks(entries: Any) -> Iterator[Any]:
    for entry in entries:
        if isinstance(entry, Block):
            yield from _tasks([*entry.block, *entry.rescue, *entry.always])
        else:
            yield entry
