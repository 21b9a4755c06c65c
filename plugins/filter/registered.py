# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: registered
short_description: What a task registered on other hosts, as data
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Returns by host what a task registered there. A host where it registered nothing has an empty result.
  - On ansible-core before 2.19, C(hostvars) templates what an unreachable host sent, such as its SSH banner, when the
    result is read. This filter reads it as it is, and marks it as data.
positional: _input, hostvars, name
options:
  _input:
    description: The names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  name:
    description: The name that the task gives to C(register).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what came of a task on every host of the play
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts_all | certops.clm.registered(hostvars, 'clm_found') }}"
"""

RETURN = r"""
_value:
  description: The registered results by host.
  type: dict
"""

from typing import Any, Callable, Dict, Iterable, Mapping

from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted
from ansible_collections.certops.clm.plugins.plugin_utils.wave.handed import raw


def registered(hosts: Iterable[str], hostvars: Any, name: str) -> Dict[str, Any]:
    """What a task registered under `name`, by host, never templated."""
    found: Dict[str, Any] = {}
    for host in hosts:
        result = raw(hostvars, host, name)
        found[str(host)] = untrusted(result) if isinstance(result, Mapping) else {}
    return found


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {"registered": registered}
