# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: parse_certificate
short_description: The facts of a certificate
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Returns the facts of the first certificate of a PEM text, as M(certops.clm.certificate_info) does.
  - A certificate that is damaged or odd is still a record, with the reasons under C(malformed). PEM that is cut or garbled, or
    a private key, is an error.
  - Everything in the result is marked as data. It is never templated, on any supported core.
positional: _input
options:
  _input:
    description: One or more certificates in PEM.
    type: str
    required: true
requirements:
  - cryptography >= 46
seealso:
  - plugin: certops.clm.parse_certificates
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show when a certificate ends
  ansible.builtin.debug:
    msg: "{{ (lookup('ansible.builtin.file', 'shop.pem') | certops.clm.parse_certificate).not_after }}"
"""

RETURN = r"""
_value:
  description: The facts, see RV(certops.clm.certificate_info#module:certificates).
  type: dict
"""

from typing import Any, Callable, Dict

from ansible_collections.certops.clm.plugins.plugin_utils.certificates import certificates, translated
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted


def parse_certificate(value: Any) -> Any:
    """The facts of the first certificate of a PEM text, as data."""
    return untrusted(translated("parse_certificate", lambda: certificates(value)[0]).as_dict())


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {"parse_certificate": parse_certificate}
