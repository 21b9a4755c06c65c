# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's gate, read before anything is deployed.

An include that Ansible cannot load fails every host, or ends the whole run, whatever ignore_errors says: in the middle of a
wave nobody would record, commit or put back.
"""

from __future__ import annotations

import os
from typing import Any, Iterator

from ansible.errors import AnsibleError
from ansible.playbook.block import Block
from ansible.playbook.helpers import load_list_of_blocks
from ansible.playbook.play import Play
from ansible.vars.manager import VariableManager

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError

FIELD = "rotate_gate_tasks"
META = ("meta", "ansible.builtin.meta", "ansible.legacy.meta")


def checked_gate(path: str, loader: Any, role: Any = None) -> str:
    """The absolute path of a tasks file that Ansible can load, empty when there is no gate; ConfigError says what is wrong."""
    if not path:
        return ""
    absolute = os.path.abspath(path)
    try:
        data = loader.load_from_file(absolute) or []
        if not isinstance(data, list):
            raise ConfigError(f"{absolute} holds no list of tasks", field=FIELD)
        blocks = load_list_of_blocks(data, play=Play(), role=role, variable_manager=VariableManager(loader=loader), loader=loader)
    except AnsibleError as error:
        raise ConfigError(f"{absolute} cannot be loaded: {' '.join(str(error).split())[:500]}", field=FIELD) from error
    for task in _tasks(blocks):
        if task.action in META and str(task.args.get("_raw_params", "")).startswith("end_"):
            hint = "without a verdict nothing is recorded, and nothing is put back: let the gate fail instead"
            raise ConfigError(f"{absolute}: the gate must not use meta: {task.args['_raw_params']}", hint=hint, field=FIELD)
    return absolute


def _tasks(entries: Any) -> Iterator[Any]:
    for entry in entries:
        if isinstance(entry, Block):
            yield from _tasks([*entry.block, *entry.rescue, *entry.always])
        else:
            yield entry
