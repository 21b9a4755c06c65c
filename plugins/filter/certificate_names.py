# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_names
short_description: The names of a certificate
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Returns the DNS names and then the IP addresses of the first certificate of a PEM text. The common name does not count.
  - The names are as they stand in the certificate, and marked as data. Anybody can make a certificate, so check them before
    they go into a command or a file name.
positional: _input
options:
  _input:
    description: One or more certificates in PEM.
    type: str
    required: true
requirements:
  - cryptography >= 46
"""

EXAMPLES = r"""
- name: Show the names of a certificate
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'shop.pem') | certops.clm.certificate_names | join(', ') }}"
"""

RETURN = r"""
_value:
  description: The names.
  type: list
  elements: str
"""

from typing import Any, Callable, Dict

from ansible_collections.certops.clm.plugins.plugin_utils.certificates import certificates, translated
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted


def certificate_names(value: Any) -> Any:
    """The names of the first certificate of a PEM text, as data."""
    return untrusted(translated("certificate_names", lambda: certificates(value)[0].names))


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {"certificate_names": certificate_names}
