# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: expiring
short_description: Whether a certificate ends soon
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - True when the certificate has expired, or expires within the time given.
  - A certificate whose end cannot be read is an error, and never taken for a good one.
positional: _input, within
options:
  _input:
    description: Certificates in PEM, of which the first counts, or facts with C(not_after).
    type: raw
    required: true
  within:
    description: A time like V(30d), V(12h) or V(45m), or seconds. With V(0) only what has expired is expiring.
    type: raw
    default: 30d
  at:
    description: The moment to judge at as RFC 3339 text. By default now.
    type: str
requirements:
  - cryptography >= 46
"""

EXAMPLES = r"""
- name: Say which certificates end within two weeks
  ansible.builtin.debug:
    msg: "{{ files.certificates.values() | map('first') | select('certops.clm.expiring', '14d') | map(attribute='subject') }}"
"""

RETURN = r"""
_value:
  description: Whether it ends that soon.
  type: bool
"""

from datetime import timedelta
from typing import Any, Callable, Dict

from ansible_collections.certops.clm.plugins.module_utils.policy.duration import duration
from ansible_collections.certops.clm.plugins.plugin_utils.certificates import end_of, moment, translated


def expiring(value: Any, within: Any = "30d", at: Any = None) -> bool:
    """True when the certificate ends within the time given, or has ended."""

    def judge() -> bool:
        # Tagged values of ansible-core >= 2.19 are made plain: duration() reads int and str
        plain = int(within) if isinstance(within, int) else str(within)
        return moment(at) + timedelta(seconds=duration(plain, "within")) > end_of(value)

    return translated("expiring", judge)


class TestModule:
    """What Ansible asks for."""

    def tests(self) -> Dict[str, Callable[..., bool]]:
        """The tests by name."""
        return {"expiring": expiring}
